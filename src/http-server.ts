/** Part of the composition root: makes the HTTP server as the configuration says. */
import type { RelayOptions } from './c2s/bosh/relay.ts'
import type { C2s } from './c2s/listener.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Host } from './core/host.ts'
import type { Log } from './core/log.ts'
import { trustedAddresses } from './core/networks.ts'
import type { HttpExchange, HttpServer, HttpUpgrade } from './http/server.ts'
import { c2sLimits } from './listen.ts'
import type { Certificates } from './tls/certificates.ts'

/** What the HTTP server is made of. */
interface HttpParts {
  readonly c2s: C2s
  readonly config: Config
  readonly hosts: readonly Host[]
  readonly certificates: Certificates
  readonly clock: Clock
  readonly log: Log
  /** Where other workers are. */
  readonly relay: RelayOptions | undefined
}

type HttpConfig = Exclude<Config['listeners']['http'], false>

/** Makes the HTTP server: WebSocket, BOSH, routes of extensions, web chat. Undefined where it is switched off. */
export async function httpServer(parts: HttpParts): Promise<HttpServer | undefined> {
  const { config, hosts, certificates, clock, log } = parts
  const { http } = config.listeners
  if (http === false) return undefined
  // Nobody needs their memory where HTTP is off.
  const { HttpServer } = await import('./http/server.ts')
  const services = { webChat: http['web-chat'], bosh: http.bosh !== false }
  const trusts = trustedAddresses(http['trusted-proxies'])
  return new HttpServer({
    ...(http.tls && { certificates }),
    trusts,
    upgrades: new Map([['/ws', webSockets(parts, http)]]),
    handlers: new Map(http.bosh === false ? [] : [['/bosh', bosh(parts, http, http.bosh)]]),
    closeSeconds: c2sLimits(config).closeSeconds,
    clock,
    log,
    async app() {
      const { createApp } = await import('./http/app.ts')
      return createApp({ hosts, services, trusts, log })
    },
  })
}

/** What opens WebSockets. */
function webSockets({ c2s, clock, log }: HttpParts, { origins }: HttpConfig) {
  const open = whenAsked(async () => {
    const { WebSockets } = await import('./c2s/websocket.ts')
    const websockets = new WebSockets(c2s, { clock, origins })
    return (upgrade: HttpUpgrade) => websockets.open(upgrade)
  })
  return (upgrade: HttpUpgrade): void => {
    open(upgrade).catch(err => {
      log.error({ code: 'TIDINGS_HTTP_FAILED', err }, 'a WebSocket could not be opened')
      upgrade.socket.destroy()
    })
  }
}

/** What answers requests of BOSH. */
function bosh(
  { c2s, clock, log, relay: others }: HttpParts,
  { origins }: HttpConfig,
  keys: Exclude<HttpConfig['bosh'], false>,
) {
  const answer = whenAsked(async () => {
    const { Bosh } = await import('./c2s/bosh/bosh.ts')
    const limits = {
      wait: keys['wait-seconds'],
      inactivity: keys['inactivity-seconds'],
      pause: keys['pause-seconds'],
    }
    const relay = others && new (await import('./c2s/bosh/relay.ts')).Relay(others)
    const sessions = new Bosh(c2s, { clock, log, origins, limits, ...(relay && { relay }) })
    await relay?.listen(exchange => sessions.answer(exchange))
    return (exchange: HttpExchange) => sessions.answer(exchange)
  })
  return (exchange: HttpExchange): void => {
    answer(exchange).catch(err => {
      log.error({ code: 'TIDINGS_HTTP_FAILED', err }, 'a request could not be answered')
      exchange.response.destroy()
    })
  }
}

/** Loads what takes requests with the first of them, since many a server gets none. */
function whenAsked<Request>(
  load: () => Promise<(request: Request) => void | Promise<void>>,
): (request: Request) => Promise<void> {
  let loaded: ReturnType<typeof load> | undefined
  return async request => {
    loaded ??= load()
    const take = await loaded
    await take(request)
  }
}
