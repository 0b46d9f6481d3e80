import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Admission } from '../core/admission.ts'
import { within } from '../core/clock.ts'
import type { Drain, Drained } from '../core/drain.ts'
import { Metrics } from '../core/metrics.ts'
import { type ReaderLimits, Scanners } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import { Connection, type ConnectionParts, Ended, type Messages } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { type Door, Doors } from './doors.ts'
import { sendAway } from './draining.ts'
import { HandledCounts } from './handled-counts.ts'
import { sessionMetrics } from './metrics.ts'
import { negotiate } from './negotiate.ts'
import type { C2sLimits, C2sOptions, ListenOptions, NegotiationOptions, TlsPolicy } from './options.ts'
import { Ticks } from './outbox.ts'
import { PrintedFeatures } from './printed-features.ts'
import { ProxyHeaderError, readProxyHeader } from './proxy-protocol.ts'
import { Resumption } from './resumption.ts'
import type { SessionParts } from './session-parts.ts'
import { SignInQueue } from './sign-in-queue.ts'
import { Stream, type StreamParts } from './stream.ts'
import { tcpWire, type Wire } from './wire.ts'

/** How long a client may leave what it was sent in its socket while somebody waits to send more: longer means that it is not there. */
const DRAIN_MS = 30_000

/** The server's client side: its listening sockets, and all connections that came in through them. */
export class C2s {
  #options: NegotiationOptions
  readonly #doors: Doors
  readonly #connections = new Set<Connection>()
  readonly #admission: Admission<Connection>
  /** Connections that have not signed in, with the time that they have for it. */
  readonly #newcomers: Deadlines<Connection>
  readonly #ticks: Ticks
  readonly #resumption: Resumption
  #streamParts: StreamParts
  #connectionParts: ConnectionParts
  #sessionParts: SessionParts
  #stopped = false
  #emptied: PromiseWithResolvers<void> | undefined

  constructor(options: C2sOptions) {
    const { limits, clock, log, background, defaultHost, router } = options
    this.#doors = new Doors((socket, door) => this.#accept(socket, door), log)
    this.#admission = new Admission(limits.unauthenticated)
    const late = new StreamError('connection-timeout', 'signing in took too long')
    this.#newcomers = new Deadlines(clock, limits.signInSeconds * 1000, connection => close(connection, late))
    const { metrics: counted = new Metrics(clock), pressure = () => undefined } = options
    this.#options = { ...options, signIns: new SignInQueue(limits.signIns, clock, counted, pressure) }
    const metrics = sessionMetrics(counted)
    const counts = new HandledCounts(router, clock, background)
    this.#resumption = new Resumption(limits.management, clock, counts)
    router.release = async (account, id, node, number) =>
      this.#resumption.find(id, account)?.release(node, number)
    const resumption = this.#resumption
    this.#sessionParts = { clock, log, background, rate: limits.stanzas, metrics, resumption }
    this.#ticks = new Ticks(limits.outboxBytes)
    this.#connectionParts = {
      ticks: this.#ticks,
      closing: new Deadlines(clock, limits.closeSeconds * 1000, connection => connection.destroy()),
      draining: new Deadlines(clock, DRAIN_MS, connection => connection.destroy()),
      clock,
      rate: limits.bytes,
      forget: connection => this.#forget(connection),
    }
    this.#streamParts = {
      limits: beforeSignIn(limits),
      scanners: new Scanners(),
      defaultHost,
      features: new PrintedFeatures(),
    }
  }

  /** Opens a listening socket; may be called for several. Rejects with a TidingsError if it can't be opened. */
  listen(at: ListenOptions): Promise<{ address: string; port: number }> {
    return this.#doors.open(at)
  }

  /**
   * Takes a connection that another listener has accepted and, if need be, encrypted: `messages` reads its socket, `wire` is their form.
   * There may be no place for it: then its socket is destroyed.
   */
  adopt(socket: Duplex, address: string, messages: Messages, wire: Wire): Connection {
    const connection = new Connection(socket, address, this.#connectionParts, messages)
    this.#connections.add(connection)
    if (!this.#stopped && this.#admission.admit(connection, address)) {
      this.#newcomers.add(connection)
      // Whoever opened that listener has decided whether passwords may pass on it in the clear.
      void this.#converse(connection, 'off', wire)
    } else connection.destroy()
    return connection
  }

  /** It takes no clients any more. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Open connections, and how many of them have not signed in. */
  get counts(): { connections: number; unauthenticated: number } {
    return { connections: this.#connections.size, unauthenticated: this.#admission.total }
  }

  /** Sessions without a connection that wait to be resumed. */
  get hibernating(): number {
    return this.#resumption.hibernating
  }

  /** Changes the limits: for connections made from now on, and that of the outbox for all. */
  set limits(limits: C2sLimits) {
    this.#options = { ...this.#options, limits }
    this.#admission.limits = limits.unauthenticated
    this.#options.signIns.limits = limits.signIns
    this.#newcomers.ms = limits.signInSeconds * 1000
    this.#connectionParts.closing.ms = limits.closeSeconds * 1000
    this.#ticks.limit = limits.outboxBytes
    this.#resumption.limits = limits.management
    this.#connectionParts = { ...this.#connectionParts, rate: limits.bytes }
    this.#streamParts = {
      ...this.#streamParts,
      limits: beforeSignIn(limits),
      features: new PrintedFeatures(),
    }
    this.#sessionParts = { ...this.#sessionParts, rate: limits.stanzas }
  }

  get limits(): C2sLimits {
    return this.#options.limits
  }

  /** Whether the client of an open connection has signed in. */
  signedIn(connection: Connection): boolean {
    return this.#connections.has(connection) && !this.#admission.has(connection)
  }

  /** Bytes that wait for clients to read them. */
  get outboxBytes(): number {
    let bytes = 0
    for (const connection of this.#connections) bytes += connection.pending
    return bytes
  }

  /**
   * Stops listening and closes every stream with `error` (RFC 6120 §4.9.3.20: system-shutdown) once what its client sent has settled.
   * Resolves when all connections are gone, which takes no longer than closing may take.
   */
  async shutdown(error: StreamError): Promise<void> {
    this.#takeNobody()
    this.#resumption.close(error)
    for (const connection of this.#connections) close(connection, error)
    await this.#empty()
  }

  /**
   * Stops listening and sends all clients away, who may resume their sessions at other nodes. Resolves when they have, or the time for
   * that is up; what is left ends.
   */
  async drain(drain: Drain): Promise<Drained> {
    this.#takeNobody()
    const { clock } = this.#options
    const connections = this.#connections.size
    await sendAway(this.#connections, drain, clock)
    await this.#empty()
    await within(clock, drain.seconds * 1000, this.#resumption.awake(), undefined)
    const forsaken = this.#resumption.hibernating
    this.#resumption.close(new StreamError('system-shutdown'))
    return { connections, forsaken }
  }

  #takeNobody(): void {
    this.#stopped = true
    this.#doors.close()
  }

  /** Resolves when all connections are gone. */
  async #empty(): Promise<void> {
    if (this.#connections.size === 0) return
    this.#emptied ??= Promise.withResolvers()
    await this.#emptied.promise
  }

  #accept(socket: Socket, door: Door): void {
    const address = socket.remoteAddress ?? ''
    const connection = new Connection(socket, address, this.#connectionParts)
    this.#connections.add(connection)
    // What a proxy brings is counted for whom it brings.
    const proxied = door.trusts(address)
    if (proxied || this.#admission.admit(connection, address)) {
      this.#newcomers.add(connection)
      void this.#serve(connection, door, proxied ? socket : undefined)
    } else connection.destroy()
  }

  /** A connection's way to its session; `proxied`: its socket, if a proxy brings it. Never rejects. */
  async #serve(connection: Connection, door: Door, proxied: Socket | undefined): Promise<void> {
    try {
      if (proxied !== undefined) await this.#introduce(connection, proxied)
      const { certificates } = this.#options
      if (door.tls === 'direct')
        await connection.startTls({ secureContext: certificates.secureContext(), sni: certificates.sni })
    } catch (error) {
      return this.#drop(connection, error)
    }
    await this.#converse(connection, door.tls, tcpWire)
  }

  /** The stream of a connection, as far as its session. Never rejects. */
  async #converse(connection: Connection, policy: TlsPolicy, wire: Wire): Promise<void> {
    const stream = new Stream(connection, wire, this.#streamParts)
    try {
      await negotiate(stream, policy, this.#options, this.#sessionParts)
      this.#newcomers.delete(connection)
      this.#admission.release(connection)
    } catch (error) {
      stream.fail(error, this.#options.log)
    }
  }

  /** Ends a connection that has not become a stream. */
  #drop(connection: Connection, error: unknown): void {
    connection.destroy()
    // Most likely the operator's own proxy, which is told otherwise than we are.
    if (error instanceof ProxyHeaderError)
      this.#options.log.info(
        { address: connection.address, err: error },
        'a trusted proxy sent no proper header',
      )
  }

  /** Learns from a proxy whom it brings. Rejects with Ended if there is no place for that. */
  async #introduce(connection: Connection, socket: Socket): Promise<void> {
    const header = await readProxyHeader(socket)
    connection.address = header.source ?? connection.address
    if (!this.#admission.admit(connection, connection.address)) throw new Ended()
  }

  #forget(connection: Connection): void {
    this.#newcomers.delete(connection)
    this.#admission.release(connection)
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#emptied?.resolve()
  }
}

/** What a stream may bring until somebody has signed in. */
function beforeSignIn({ reader, stanzaBytesBeforeSignIn }: C2sLimits): Readonly<ReaderLimits> {
  return { ...reader, stanzaBytes: stanzaBytesBeforeSignIn }
}

/** Closes the stream of a connection, or what has not become one yet. */
function close(connection: Connection, error: StreamError): void {
  if (connection.receiver === undefined) connection.destroy()
  else connection.receiver.close(error)
}
