import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Connection, type ConnectionParts } from '../c2s/connection.ts'
import { Deadlines } from '../c2s/deadlines.ts'
import { Ticks } from '../c2s/outbox.ts'
import type { Background } from '../core/background.ts'
import type { Clock } from '../core/clock.ts'
import { TidingsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Router } from '../core/router.ts'
import { AttachedService } from '../core/services.ts'
import { JID } from '../xml/jid.ts'
import type { ReaderLimits } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import { type Component, type ComponentParts, ComponentSession } from './session.ts'

/** A component is trusted: it may send as fast as the server can take it. */
const ANY_RATE = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }
/** As for clients, in milliseconds. */
const DRAIN_MS = 30_000
const KEEP_ALIVE_MS = 60_000

/** What the component listener is made of. */
export interface ComponentsOptions {
  readonly router: Router
  /** Which components may connect, each a domain that is no host. */
  readonly components: readonly { readonly name: string; readonly secret: string }[]
  readonly limits: {
    readonly reader: ReaderLimits
    /** Bytes that may wait for a slow component before it is cut. */
    readonly outboxBytes: number
    /** Time for the handshake. */
    readonly signInSeconds: number
    readonly closeSeconds: number
  }
  readonly background: Background
  readonly clock: Clock
  readonly log: Log
}

/** External components (XEP-0114): their domains, which are served from now on, and the sockets that they connect to. */
export class Components {
  readonly #log: Log
  readonly #servers = new Set<Server>()
  readonly #connections = new Set<Connection>()
  readonly #newcomers: Deadlines<Connection>
  readonly #connectionParts: ConnectionParts
  readonly #parts: ComponentParts
  #emptied: PromiseWithResolvers<void> | undefined

  constructor({ router, components, limits, background, clock, log }: ComponentsOptions) {
    this.#log = log
    const known = new Map<string, Component>()
    for (const { name, secret } of components) {
      const service = new AttachedService(JID.parse(name))
      known.set(name, { service, secret })
      router.services.add(name, service)
    }
    const late = new StreamError('connection-timeout', 'the handshake took too long')
    this.#newcomers = new Deadlines(clock, limits.signInSeconds * 1000, one => one.receiver?.close(late))
    this.#connectionParts = {
      ticks: new Ticks(limits.outboxBytes),
      closing: new Deadlines(clock, limits.closeSeconds * 1000, one => one.destroy()),
      draining: new Deadlines(clock, DRAIN_MS, one => one.destroy()),
      clock,
      rate: ANY_RATE,
      forget: connection => this.#forget(connection),
    }
    const admitted = (connection: Connection): void => this.#newcomers.delete(connection)
    this.#parts = { router, components: known, limits: limits.reader, background, log, admitted }
  }

  /** Opens a listening socket; may be called for several. Resolves with its port. Rejects with a TidingsError if it can't be opened. */
  async listen(address: string, port: number): Promise<number> {
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    }
    const server = createServer(options, socket => this.#accept(socket))
    try {
      await once(server.listen({ host: address, port }), 'listening')
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new TidingsError(
        'TIDINGS_LISTEN_FAILED',
        `no listening on ${address} port ${port}: ${why}: change listeners.components`,
        { cause },
      )
    }
    server.on('error', err =>
      this.#log.error({ code: 'TIDINGS_ACCEPT_FAILED', err }, 'components could not be accepted'),
    )
    this.#servers.add(server)
    return (server.address() as AddressInfo).port
  }

  /** Stops listening and closes every stream. Resolves when all connections are gone, which takes no longer than closing may take. */
  async shutdown(error: StreamError): Promise<void> {
    for (const server of this.#servers) server.close()
    this.#servers.clear()
    if (this.#connections.size === 0) return
    this.#emptied ??= Promise.withResolvers()
    for (const connection of this.#connections) connection.receiver?.close(error)
    await this.#emptied.promise
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, socket.remoteAddress ?? '', this.#connectionParts)
    this.#connections.add(connection)
    this.#newcomers.add(connection)
    new ComponentSession(connection, this.#parts)
  }

  #forget(connection: Connection): void {
    this.#newcomers.delete(connection)
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#emptied?.resolve()
  }
}
