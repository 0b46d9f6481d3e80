/** What texts of the configuration must look like. */
import { isIP } from 'node:net'
import { JID } from '../xml/jid.ts'

/** A rule for a text. */
export interface Format {
  /** What is expected, for people: `an IP address, such as 127.0.0.1`. */
  readonly expected: string
  /** The text as it is used (a domain in lower case, for example), or undefined if it is not of this format. */
  parse(text: string): string | undefined
}

/** A domain as RFC 7622 §3.2 prepares it. */
export const DOMAIN: Format = {
  expected: 'a domain, such as chat.example.org',
  parse(text) {
    try {
      const jid = JID.parse(text)
      return jid.local === '' && jid.isBare ? jid.domain : undefined
    } catch {
      return undefined
    }
  },
}

/** An address to listen at. */
export const ADDRESS: Format = {
  expected: 'an IP address, such as 127.0.0.1 or ::',
  parse: text => (isIP(text) === 0 ? undefined : text),
}

/** An address or a range of them: `10.0.0.0/8`. */
export const NETWORK: Format = {
  expected: 'an IP address or a range, such as 10.0.0.0/8',
  parse(text) {
    const [address = '', bits, ...rest] = text.split('/')
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
    const valid =
      rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
    return most > 0 && valid ? text : undefined
  },
}

/** Where another server is reached: `127.0.0.1:5269`, `[::1]:5269`, `xmpp.example.org:5269`. */
export const ENDPOINT: Format = {
  expected: 'a host and a port, such as 127.0.0.1:5269 or [::1]:5269',
  parse: text => (/:\d+$/.test(text) ? LOCATION.parse(text) : undefined),
}

/** RFC 6120 §4.9.3.19: a host, perhaps with a port: `node1.example.org`, `192.0.2.1:5222`, `[2001:db8::1]:5222`. */
export const LOCATION: Format = {
  expected: 'a host, perhaps with a port, such as node1.example.org:5222 or [2001:db8::1]:5222',
  parse(text) {
    const [, literal, name, port = '1'] = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? []
    const host = literal === undefined ? name !== undefined && DOMAIN.parse(name) : isIP(literal) === 6
    return host && Number(port) >= 1 && Number(port) <= 65535 ? text : undefined
  },
}

/** The origin of a web page as a browser sends it, or `*` for any. */
export const ORIGIN: Format = {
  expected: 'an origin such as https://chat.example.org, or *',
  parse: text =>
    text === '*' || URL.parse(text)?.origin === text.toLowerCase() ? text.toLowerCase() : undefined,
}

/** A file or folder. */
export const PATH: Format = {
  expected: 'a path',
  parse: text => (text === '' || text.includes('\0') ? undefined : text),
}
