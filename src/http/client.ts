import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Whom a request comes from, and where to. */
export interface HttpClient {
  /** The client's address, behind trusted proxies too. */
  readonly address: string
  /** This server as the client sees it: `https://chat.example`, as a browser would write it. */
  readonly origin: string
}

/** A name or an address, and perhaps a port. Anything else would be an attempt to put something into our links. */
const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i

/**
 * Reads off a request who sent it. Trusted proxies are believed what they say in X-Forwarded-For and X-Forwarded-Proto, nobody else is.
 * Undefined where the Host header is missing or no host.
 */
export function clientOf(
  request: IncomingMessage,
  trusts: (address: string) => boolean,
): HttpClient | undefined {
  const { socket, headers } = request
  const { host = '' } = headers
  if (!HOST.test(host)) return undefined
  const peer = socket.remoteAddress ?? ''
  const told = trusts(peer) ? lastOf(headers['x-forwarded-proto']) : undefined
  const scheme = told ?? (socket instanceof TLSSocket ? 'https' : 'http')
  if (scheme !== 'http' && scheme !== 'https') return undefined
  const url = URL.parse(`${scheme}://${host}`)
  if (url === null) return undefined
  return { address: sender(peer, headers['x-forwarded-for'], trusts), origin: url.origin }
}

/** The last address that no trusted proxy has: what stands before it anybody can have written. */
function sender(
  peer: string,
  header: string | string[] | undefined,
  trusts: (address: string) => boolean,
): string {
  const hops = [...list(header), peer]
  let hop = hops.pop() ?? peer
  while (trusts(hop)) {
    const before = hops.pop()
    if (before === undefined || isIP(before) === 0) break
    hop = before
  }
  return hop
}

/** What the nearest proxy wrote. */
function lastOf(header: string | string[] | undefined): string | undefined {
  return list(header).at(-1)?.toLowerCase()
}

function list(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '')
  return text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}
