import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import type { Maybe } from '../core/maybe.ts'
import { serverTls, type TlsParts } from '../tls/server-tls.ts'
import type { StreamError } from '../xml/stream-error.ts'
import type { Deadlines } from './deadlines.ts'
import { Outbox, type OutboxOwner, type Ticks } from './outbox.ts'
import { disown, own, read, type SocketOwner } from './socket-owner.ts'
import { type Rate, TokenBucket } from './token-bucket.ts'

/** Who takes what a connection receives: the stream while it is negotiated, the session afterwards. */
export interface Receiver {
  received(chunk: Buffer): void
  /** The peer will send nothing more; it may still read. */
  ended(): void
  /** The connection is gone: nothing can be sent any more. Called once. */
  gone(): void
  /** Ends the stream with an error for a reason from outside: time is up, the server stops. */
  close(error: StreamError): void
  /** Has the peer go to another node, where what it has here goes on if that is possible; else, and without this, the stream is closed with `error`. */
  leave?(error: StreamError): void
}

/** Reads messages (WebSocket, BOSH) instead of a stream of bytes; a receiver gets each of them whole. */
export interface Messages {
  /** Starts to read, for `owner`, who gets each message by `socketReceived`. */
  read(owner: SocketOwner): void
  pause(): void
  resume(): void
  /** Says goodbye as the protocol of the messages has it, after the last bytes; the socket ends when the peer has done so, too. */
  end(error: StreamError | undefined): void
}

/** XEP-0368 §2 */
const ALPN = 'xmpp-client'

/** What all connections of a server share. */
export interface ConnectionParts {
  readonly ticks: Ticks
  /** Connections that were finished here and whose peers have not closed yet; destroyed when their time is up. */
  readonly closing: Deadlines<Connection>
  /** Connections whose peers have been offered more than they took; destroyed when their time is up. */
  readonly draining: Deadlines<Connection>
  readonly clock: Clock
  /** Bytes that a peer may send. Whoever sends faster is slowed, not cut. */
  readonly rate: Rate
  /** Told once of each connection that is gone. */
  readonly forget: (connection: Connection) => void
}

/** Thrown where somebody waits for something from a connection or stream that has ended. */
export class Ended extends Error {
  constructor() {
    super('the connection has ended')
    this.name = 'Ended'
  }
}

/** A pipe of bytes to one client, plain or encrypted. It knows no XML, and of WebSocket and BOSH only who reads them. */
export class Connection implements OutboxOwner, SocketOwner {
  /** The client's address, as far as it is known: that of the socket, or what a trusted proxy told. */
  address: string
  readonly #parts: ConnectionParts
  readonly #outbox: Outbox
  readonly #bucket: TokenBucket
  readonly #messages: Messages | undefined
  #socket: Duplex
  #receiver: Receiver | undefined
  #state: 'open' | 'finished' | 'gone' = 'open'
  #paused = false
  #slowed = false
  #drained: PromiseWithResolvers<boolean> | undefined

  /** Takes over a socket that nobody reads, or that `messages` reads. */
  constructor(socket: Duplex, address: string, parts: ConnectionParts, messages?: Messages) {
    this.address = address
    this.#parts = parts
    this.#messages = messages
    this.#outbox = new Outbox(this, parts.ticks)
    this.#bucket = new TokenBucket(parts.rate)
    this.#socket = socket
    own(socket, this)
  }

  /** Only for the outbox. */
  get socket(): Duplex {
    return this.#socket
  }

  /** The encrypted socket, once the connection is encrypted. */
  get tls(): TLSSocket | undefined {
    return this.#socket instanceof TLSSocket ? this.#socket : undefined
  }

  /** False once `finish` or `destroy` was called or the connection was lost. */
  get open(): boolean {
    return this.#state === 'open'
  }

  /** The peer will send nothing more, and whoever received then was told so. Of messages there may still be some: their end is that of the connection. */
  get inputEnded(): boolean {
    return this.#messages === undefined && this.#socket.readableEnded
  }

  /** Bytes that have not left yet. */
  get pending(): number {
    return this.#outbox.pending
  }

  get receiver(): Receiver | undefined {
    return this.#receiver
  }

  /** Starts to read, or has somebody else take what is read. */
  set receiver(receiver: Receiver) {
    const first = this.#receiver === undefined
    this.#receiver = receiver
    if (!first) return
    if (this.#messages === undefined) read(this.#socket)
    else this.#messages.read(this)
  }

  /** Sends bytes, and text before them. Nothing happens when the connection is not open any more. */
  send(bytes: Buffer, before?: string): void {
    if (this.#state === 'open') this.#outbox.write(bytes, before)
  }

  /** True when the socket has taken what was sent, false when the connection has ended. */
  drained(): Maybe<boolean> {
    if (this.#state !== 'open') return false
    this.#outbox.flush()
    if (!this.#socket.writableNeedDrain) return true
    if (this.#drained === undefined) {
      this.#drained = Promise.withResolvers<boolean>()
      this.#parts.draining.add(this)
    }
    return this.#drained.promise
  }

  /** Stops reading for the receiver's sake: little more is received until `resume()`. */
  pause(): void {
    if (this.#state !== 'open') return
    this.#paused = true
    this.#flow()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#flow()
  }

  /** Encrypts the connection. Resolves after the handshake; rejects with Ended if that fails. */
  async startTls(parts: Omit<TlsParts, 'protocol'>): Promise<void> {
    this.#outbox.hand()
    // What happens to the plain socket below is the encrypted one's business.
    disown(this.#socket)
    const { socket, handshake } = serverTls(this.#socket, { ...parts, protocol: ALPN })
    this.#socket = socket
    own(socket, this)
    if (!(await handshake)) throw new Ended()
    if (this.#receiver !== undefined) read(socket)
  }

  /**
   * Sends the last bytes, which close the stream with `error` if there is one, and ends this side; waits for the peer to do the same,
   * for a while. What it still sends is not read.
   */
  finish(last: Buffer, error?: StreamError): void {
    if (this.#state !== 'open') return
    this.#outbox.write(last)
    this.#state = 'finished'
    this.#outbox.hand()
    if (this.#messages === undefined) this.#socket.end()
    else this.#messages.end(error)
    this.#parts.closing.add(this)
    this.#paused = false
    this.#slowed = false
    this.#flow()
  }

  /** Drops the connection if it is not gone after the time that closing may take. */
  limitClosing(): void {
    this.#parts.closing.add(this)
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  overflowed(): void {
    this.destroy()
  }

  socketReceived(chunk: Buffer): void {
    if (this.#state !== 'open') return
    const now = this.#parts.clock.monotonic()
    const wait = this.#bucket.take(chunk.length, now)
    if (wait > 0) this.#slow(wait)
    this.#receiver?.received(chunk)
  }

  socketEnded(): void {
    if (this.#state === 'open') this.#receiver?.ended()
  }

  socketDrained(): void {
    this.#outbox.flush()
    if (!this.#socket.writableNeedDrain) this.#endDrain(true)
  }

  socketClosed(): void {
    this.#state = 'gone'
    this.#outbox.clear()
    this.#parts.closing.delete(this)
    this.#endDrain(false)
    this.#parts.forget(this)
    this.#receiver?.gone()
  }

  /** What is paused and resumed. */
  get #input(): Messages | Duplex {
    return this.#messages ?? this.#socket
  }

  #slow(ms: number): void {
    this.#slowed = true
    this.#flow()
    this.#parts.clock.after(Math.ceil(ms), () => {
      this.#slowed = false
      this.#flow()
    })
  }

  #flow(): void {
    if (this.#paused || this.#slowed) this.#input.pause()
    else if (this.#receiver !== undefined) this.#input.resume()
  }

  #endDrain(taken: boolean): void {
    this.#parts.draining.delete(this)
    this.#drained?.resolve(taken)
    this.#drained = undefined
  }
}
