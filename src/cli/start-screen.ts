import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/load.ts'
import { webOrigin } from '../config/web-origin.ts'
import type { CertificateDescription } from '../tls/certificates.ts'
import type { NewInvitationLinks } from './control/protocol.ts'
import { localTime } from './local-time.ts'

/** What the screen tells of a running server. */
export interface Running {
  /** The port of each listener that is on. */
  readonly ports: { readonly [listener: string]: number | undefined }
  readonly certificates: readonly CertificateDescription[]
  /** What the operator should know, a sentence each. */
  readonly warnings: readonly string[]
  /** To a server without accounts. */
  readonly invitation?: NewInvitationLinks | undefined
}

/** One screen for people: where clients connect, where data lies, which certificate is used, how to go on. `option` is what `--config` was. */
export function startScreen(config: Config, running: Running, option: string | undefined): string {
  const hosts = config.hosts.map(({ name }) => name)
  const add = `npx tidings user add alice@${hosts[0]}${option === undefined ? '' : ` --config ${option}`}`
  const lines = [
    `Tidings serves ${hosts.join(', ')}`,
    '',
    ...clients(config, running),
    ...web(config, running),
    row('Data', config.storage.kind === 'memory' ? 'in memory: nothing outlives this process' : config.data),
    ...running.certificates.flatMap(certificate),
    ...invitation(running),
    row('Add account', add),
    row('Stop', 'Ctrl-C'),
    ...running.warnings.map(warning => row('Note', warning)),
  ]
  return `${lines.join('\n')}\n\n`
}

function row(title: string, text: string): string {
  return `  ${title.padEnd(13)}${text}`
}

function clients({ listeners }: Config, { ports }: Running): string[] {
  const { xmpp, 'xmpp-tls': direct } = listeners
  const lines: string[] = []
  if (xmpp !== false) {
    const how = { required: 'STARTTLS', offered: 'STARTTLS or none', off: 'no encryption' }[xmpp.tls]
    lines.push(row('Clients', `port ${ports.xmpp}, ${how}, ${where(xmpp.address)}`))
  }
  if (direct !== false)
    lines.push(row('Clients', `port ${ports['xmpp-tls']}, direct TLS, ${where(direct.address)}`))
  return lines
}

function web(config: Config, { ports }: Running): string[] {
  const { http } = config.listeners
  const origin = webOrigin(config, config.hosts[0]!.name, ports.http)
  if (http === false || origin === undefined) return []
  const socket = row('WebSocket', `${origin.replace('http', 'ws')}/ws`)
  return http['web-chat'] ? [row('Web chat', `${origin}/`), socket] : [socket]
}

/** How the first people get in, by themselves. */
function invitation({ invitation }: Running): string[] {
  if (invitation === undefined) return []
  const hours = `${invitation.uses} accounts can be made with this link, until ${localTime(invitation.expires)}`
  return [row('Invitation', invitation.page ?? invitation.uri), row('', hours)]
}

function where(addresses: readonly string[]): string {
  if (isLoopback(addresses)) return `this machine only (${addresses.join(', ')})`
  return addresses.includes('::') ? 'all addresses' : addresses.join(', ')
}

function certificate({ names, expires, source, path, fingerprint }: CertificateDescription): string[] {
  const until = `for ${names.join(', ')}, until ${expires.toISOString().slice(0, 10)}`
  if (source === 'file') return [row('Certificate', `${path}, ${until}`)]
  return [
    row('Certificate', `self-made, ${until}: clients ask once whether to trust it`),
    row('', `SHA-256 ${fingerprint}`),
  ]
}
