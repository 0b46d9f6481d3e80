import { once } from 'node:events'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { type AddressInfo, isIP, type Socket } from 'node:net'
import { Admission } from '../core/admission.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { serverTls, type TlsParts } from '../tls/server-tls.ts'
import { clientOf, type HttpClient } from './client.ts'

/** A request for another protocol, such as WebSocket. Whoever takes it answers it. */
export interface HttpUpgrade extends HttpClient {
  readonly request: IncomingMessage
  readonly socket: Socket
  /** What came behind the request. */
  readonly head: Buffer
}

/** A request that is answered beside the app. */
export interface HttpExchange extends HttpClient {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Its connection counts no more: whoever takes the request knows the client. */
  readonly release: () => void
}

/** What the HTTP server is made of. */
export interface HttpServerOptions {
  /** Present: HTTPS. */
  readonly certificates?: { secureContext(): TlsParts['secureContext']; readonly sni: TlsParts['sni'] }
  /** Whether what this address says in X-Forwarded-... is believed. */
  readonly trusts: (address: string) => boolean
  /** Makes what answers requests, when the first one comes: it takes more memory than all the rest. */
  readonly app: () => Promise<RequestListener>
  /** Other protocols by path: `/ws`. */
  readonly upgrades: ReadonlyMap<string, (upgrade: HttpUpgrade) => void>
  /** What is answered beside the app, by path: `/bosh`. */
  readonly handlers: ReadonlyMap<string, (exchange: HttpExchange) => void>
  /** How long requests may take to end when the server stops, in seconds. */
  readonly closeSeconds: number
  readonly clock: Clock
  readonly log: Log
}

/** Where to listen; `shared`: other processes of the server listen there too, and the system spreads connections over them. */
export interface HttpPlace {
  readonly address: string
  readonly port: number
  readonly shared?: boolean
}

/** An import of it would also load what it exports for clients in a browser's manner: 8 MiB. */
const { createServer } = process.getBuiltinModule('node:http')

/** Connections that are no WebSockets: in all, and from one address. A browser has six. */
const CONNECTIONS = { total: 1_000, perAddress: 100 }
/** Bounds of a request, in milliseconds and bytes. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
}
/** Headers of every answer. What an answer shows, its own headers may allow. */
const STRICT = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}
/** RFC 6797 §6.1: a year. */
const STRICT_TRANSPORT = 'max-age=31536000'

/** The one HTTP server: it accepts, protects and stops; what it answers is the app's, what it upgrades another protocol's. */
export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #servers = new Set<Server>()
  /** Connections that speak HTTP, or are about to. */
  readonly #sockets = new Set<Socket>()
  /** The accepted socket below an encrypted one. */
  readonly #below = new WeakMap<Socket, Socket>()
  readonly #admission = new Admission<Socket>(CONNECTIONS)
  #app: Promise<RequestListener> | undefined
  #emptied: PromiseWithResolvers<void> | undefined

  constructor(options: HttpServerOptions) {
    this.#options = options
  }

  /** Opens a listening socket; may be called for several. Rejects with the error of the system if it can't be opened. */
  async listen({ address, port, shared = false }: HttpPlace): Promise<AddressInfo> {
    const { upgrades, log } = this.#options
    const wanted = (request: IncomingMessage): boolean => upgrades.has(pathOf(request))
    const server = createServer({ ...LIMITS, shouldUpgradeCallback: wanted }, (request, response) => {
      void this.#answer(request, response)
    })
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head))
    this.#guard(server)
    await once(server.listen({ host: address, port, reusePort: shared }), 'listening')
    server.on('error', err =>
      log.error({ code: 'TIDINGS_ACCEPT_FAILED', err }, 'connections could not be accepted'),
    )
    this.#servers.add(server)
    return server.address() as AddressInfo
  }

  /** Stops listening, lets requests end for a while. Resolves when all connections are gone but those that were upgraded. */
  async stop(): Promise<void> {
    const { clock, closeSeconds } = this.#options
    for (const server of this.#servers) {
      server.close()
      server.closeIdleConnections()
    }
    if (this.#sockets.size === 0) return
    this.#emptied ??= Promise.withResolvers()
    const impatient = clock.after(closeSeconds * 1000, () => {
      for (const socket of this.#sockets) socket.destroy()
    })
    await this.#emptied.promise
    impatient.cancel()
  }

  /** Puts counting and, for HTTPS, encryption before what the server does with a new connection. */
  #guard(server: Server): void {
    const [serve] = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', async socket => {
      // It says nothing that the server could use: peers vanish.
      socket.on('error', ignore)
      if (!this.#admit(socket)) return socket.destroy()
      const secured = await this.#secured(socket)
      if (secured !== undefined) serve?.call(server, secured)
    })
  }

  #admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? ''
    this.#sockets.add(socket)
    socket.once('close', () => this.#forget(socket))
    // What a trusted proxy brings is not its own.
    return this.#options.trusts(address) || this.#admission.admit(socket, address)
  }

  /** The connection to speak HTTP on; undefined if its handshake fails. */
  async #secured(socket: Socket): Promise<Socket | undefined> {
    const { certificates, clock } = this.#options
    if (certificates === undefined) return socket
    const late = clock.after(LIMITS.headersTimeout, () => socket.destroy())
    const tls = serverTls(socket, {
      secureContext: certificates.secureContext(),
      sni: certificates.sni,
      protocol: 'http/1.1',
    })
    tls.socket.on('error', ignore)
    this.#below.set(tls.socket, socket)
    const done = await tls.handshake
    late.cancel()
    return done ? tls.socket : undefined
  }

  /** The socket that was accepted, below the encrypted one. */
  #accepted(socket: Socket): Socket {
    return this.#below.get(socket) ?? socket
  }

  #forget(socket: Socket): void {
    this.#admission.release(socket)
    this.#sockets.delete(socket)
    if (this.#sockets.size === 0) this.#emptied?.resolve()
  }

  /** Never rejects. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const client = clientOf(request, this.#options.trusts)
    for (const [name, value] of Object.entries(STRICT)) response.setHeader(name, value)
    if (client === undefined) return end(response, 400)
    if (isForHttpsAlone(client.origin)) response.setHeader('strict-transport-security', STRICT_TRANSPORT)
    const take = this.#options.handlers.get(pathOf(request))
    const release = (): void => this.#admission.release(this.#accepted(request.socket))
    if (take !== undefined) return take({ ...client, request, response, release })
    try {
      this.#app ??= this.#options.app()
      const app = await this.#app
      app(request, response)
    } catch (err) {
      this.#options.log.error({ code: 'TIDINGS_HTTP_FAILED', err }, 'a request could not be answered')
      end(response, 500)
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const client = clientOf(request, this.#options.trusts)
    const take = this.#options.upgrades.get(pathOf(request))
    if (client === undefined || take === undefined) return void socket.destroy()
    this.#forget(this.#accepted(socket))
    take({ ...client, request, socket, head })
  }
}

function ignore(): void {}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/\?.*/s, '')
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end()
}

/** RFC 6797 §8.1.1: not for addresses. Nor for localhost: the promise would bind all that a machine serves to itself. */
function isForHttpsAlone(origin: string): boolean {
  const { protocol, hostname } = new URL(origin)
  return protocol === 'https:' && hostname !== 'localhost' && isIP(hostname.replace(/[[\]]/g, '')) === 0
}
