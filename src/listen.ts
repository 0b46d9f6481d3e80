/** Part of the composition root: opens the listeners for clients, components and HTTP as the configuration says. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { C2s } from './c2s/listener.ts'
import type { C2sLimits, TlsPolicy } from './c2s/options.ts'
import type { Components } from './components/listener.ts'
import type { Config } from './config/config.ts'
import { TidingsError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { BindPolicy } from './core/sessions.ts'
import type { HttpServer } from './http/server.ts'

type Listener = 'xmpp' | 'xmpp-tls' | 'http'

/** The port of each listener for clients and browsers; undefined for one that is off. */
type PublicPorts = { readonly [L in Listener]: number | undefined }

/** The port of each listener; undefined for one that is off. */
export type Ports = PublicPorts & { readonly metrics: number | undefined }

interface ListenParts {
  readonly log: Log
  /** Whether other processes of the server listen at the same ports. */
  readonly shared: boolean
}

/** Opens the listeners for clients and browsers that are on; `http` where HTTP is. */
export async function listen(
  c2s: C2s,
  http: HttpServer | undefined,
  { listeners }: Config,
  { log, shared }: ListenParts,
): Promise<PublicPorts> {
  const { xmpp, 'xmpp-tls': direct, http: web } = listeners
  const clients = (place: Place, tls: TlsPolicy) => (at: At) =>
    c2s.listen({ ...at, tls, proxies: place['trusted-proxies'], shared })
  return {
    xmpp: xmpp === false ? undefined : await listenAt('xmpp', xmpp, log, clients(xmpp, xmpp.tls)),
    'xmpp-tls':
      direct === false ? undefined : await listenAt('xmpp-tls', direct, log, clients(direct, 'direct')),
    http:
      web === false || http === undefined
        ? undefined
        : await listenAt('http', web, log, at => http.listen({ ...at, shared })),
  }
}

/**
 * Rejects with the TidingsError that opening the listeners would reject with: where several processes share ports, nobody else learns that
 * another server has shared them, too.
 */
export async function checkPorts({ listeners }: Config, log: Log): Promise<void> {
  for (const name of ['xmpp', 'xmpp-tls', 'http'] as const) {
    const place = listeners[name]
    if (place === false || place.port === 0) continue
    await listenAt(name, place, log, async at => {
      const server = createServer()
      await once(server.listen({ host: at.address, port: at.port }), 'listening')
      await new Promise(resolve => server.close(resolve))
      return at
    })
  }
}

/** Opens the component listener, if there are components for it; resolves with its port. */
export async function listenForComponents(
  components: Components | undefined,
  { listeners }: Config,
): Promise<number | undefined> {
  const at = listeners.components
  if (at === false || components === undefined) return undefined
  let { port } = at
  for (const address of at.address) port = await components.listen(address, port)
  return port
}

interface Place {
  readonly address: readonly string[]
  readonly port: number
  readonly 'trusted-proxies': readonly string[]
}

interface At {
  readonly address: string
  readonly port: number
}

/** Opens one listener at all its addresses, on the same port at each. */
async function listenAt(
  name: Listener,
  place: Place,
  log: Log,
  open: (at: At) => Promise<At>,
): Promise<number> {
  let { port } = place
  for (const address of place.address) {
    const at = { address, port }
    port = await open(at).then(
      bound => bound.port,
      error => {
        // COMPAT machines without IPv6: a server for localhost is at 127.0.0.1 then.
        if (address !== '::1' || place.address.length === 1) throw explained(error, name, at)
        log.info({ listener: name, err: error }, 'not listening at ::1')
        return port
      },
    )
  }
  return port
}

/** An error of listening with the key to change. */
function explained(error: unknown, name: Listener, at: { address: string; port: number }): unknown {
  const { cause = error as NodeJS.ErrnoException } = error as { cause?: NodeJS.ErrnoException }
  const key = `listeners.${name}`
  switch (cause?.code) {
    case 'EADDRINUSE':
      return new TidingsError(
        'TIDINGS_PORT_IN_USE',
        `port ${at.port} at ${at.address} is in use by another program: stop that, or set ${key}.port`,
        { cause },
      )
    case 'EACCES':
      return new TidingsError(
        'TIDINGS_PORT_FORBIDDEN',
        `port ${at.port} may not be opened by this user: set ${key}.port to 1024 or more, or allow it`,
        { cause },
      )
    case 'ENOTSUP':
      return new TidingsError(
        'TIDINGS_PORT_SHARED',
        'this system does not share a port among processes: set workers to 1',
        { cause },
      )
    case 'EADDRNOTAVAIL':
      return new TidingsError(
        'TIDINGS_ADDRESS_UNKNOWN',
        `${at.address} is no address of this machine: set ${key}.address`,
        { cause },
      )
    default:
      return error
  }
}

/** Who may bind what; `false` in the configuration is no limit. */
export function bindPolicy({ sessions, limits }: Config): BindPolicy {
  return {
    conflict: sessions.conflict,
    sessionsPerAccount: limits['sessions-per-account'] || Number.POSITIVE_INFINITY,
    resumeSeconds: sessions['resume-seconds'],
  }
}

/** The limits of clients; `false` in the configuration is no limit. */
export function c2sLimits({ limits, sessions }: Config): C2sLimits {
  const of = (name: keyof typeof limits): number => {
    const value = limits[name]
    return value === false ? Number.POSITIVE_INFINITY : value
  }
  return {
    reader: {
      stanzaBytes: of('stanza-bytes'),
      depth: of('depth'),
      attributes: of('attributes'),
      children: of('children'),
      nameBytes: of('name-bytes'),
    },
    stanzaBytesBeforeSignIn: of('stanza-bytes-before-sign-in'),
    signInSeconds: of('sign-in-seconds'),
    attempts: of('sign-in-attempts'),
    sasl2: sessions.sasl2,
    unauthenticated: { total: of('unauthenticated'), perAddress: of('unauthenticated-per-address') },
    signIns: { perSecond: of('sign-ins-per-second'), waitSeconds: of('sign-in-wait-seconds') },
    bytes: { perSecond: of('bytes-per-second'), burst: of('bytes-burst') },
    stanzas: { perSecond: of('stanzas-per-second'), burst: of('stanzas-burst') },
    outboxBytes: of('outbox-bytes'),
    management: {
      resumeSeconds: sessions['resume-seconds'],
      ...(sessions['resume-location'] && { location: sessions['resume-location'] }),
      acknowledgeSeconds: of('acknowledge-seconds'),
      unacknowledged: of('unacknowledged-stanzas'),
      keptBytes: of('outbox-bytes'),
    },
    closeSeconds: of('close-seconds'),
  }
}
