/** Part of the composition root: makes the HTTP server as the configuration says. */
import type { C2s } from './c2s/listener.ts'
import type { WebSockets } from './c2s/websocket.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Host } from './core/host.ts'
import type { Log } from './core/log.ts'
import { trustedAddresses } from './core/networks.ts'
import type { HttpServer, HttpUpgrade } from './http/server.ts'
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
}

/** Makes the HTTP server: WebSocket, routes of extensions, web chat. Undefined where it is switched off. */
export async function httpServer(parts: HttpParts): Promise<HttpServer | undefined> {
  const { config, hosts, certificates, clock, log } = parts
  const { http } = config.listeners
  if (http === false) return undefined
  // Nobody needs their memory where HTTP is off.
  const { HttpServer } = await import('./http/server.ts')
  const trusts = trustedAddresses(http['trusted-proxies'])
  return new HttpServer({
    ...(http.tls && { certificates }),
    trusts,
    upgrades: new Map([['/ws', webSockets(parts, http.origins)]]),
    closeSeconds: c2sLimits(config).closeSeconds,
    clock,
    log,
    async app() {
      const { createApp } = await import('./http/app.ts')
      return createApp({ hosts, webChat: http['web-chat'], trusts, log })
    },
  })
}

/** What opens WebSockets; loaded with the first one, since many a server has none. */
function webSockets({ c2s, clock, log }: HttpParts, origins: readonly string[]) {
  let loaded: Promise<WebSockets> | undefined
  const load = async (): Promise<WebSockets> => {
    const { WebSockets } = await import('./c2s/websocket.ts')
    return new WebSockets(c2s, { clock, origins })
  }
  return async (upgrade: HttpUpgrade): Promise<void> => {
    try {
      loaded ??= load()
      const websockets = await loaded
      websockets.open(upgrade)
    } catch (err) {
      log.error({ code: 'TIDINGS_HTTP_FAILED', err }, 'a WebSocket could not be opened')
      upgrade.socket.destroy()
    }
  }
}
