import type { Maybe } from '../core/maybe.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { StreamError } from '../xml/stream-error.ts'
import type { Connection, Receiver } from './connection.ts'
import type { Stream } from './stream.ts'
import type { Wire } from './wire.ts'

/** Takes what comes from a connection that has no session any more. */
const NOBODY: Receiver = { received() {}, ended() {}, gone() {}, close() {} }

/** Nothing to say. */
const NOTHING = Buffer.alloc(0)

/** What carries a session: its connection, and the form of the stream on that. A resumed session has others. */
export class Transport {
  #connection: Connection
  #wire: Wire

  constructor({ connection, wire }: Stream) {
    this.#connection = connection
    this.#wire = wire
  }

  /** Whether anything can still be sent. */
  get open(): boolean {
    return this.#connection.open
  }

  /** Who takes what the connection receives. */
  set receiver(receiver: Receiver) {
    this.#connection.receiver = receiver
  }

  /** Sends what is printed already. */
  bytes(bytes: Buffer): void {
    this.#connection.send(bytes)
  }

  /** Sends a stanza. */
  stanza(stanza: Stanza): void {
    this.#wire.stanza(stanza, this.#connection)
  }

  /** Sends an element that is no stanza. */
  text(element: string): void {
    this.#connection.send(this.#wire.text(element))
  }

  /** True when the socket has taken what was sent, false when the connection has ended. */
  drained(): Maybe<boolean> {
    return this.#connection.drained()
  }

  /** Reads no more, and drops the connection if it is not gone after the time that closing may take. */
  beginClosing(): void {
    this.#connection.pause()
    this.#connection.limitClosing()
  }

  /** Closes our side of the stream (RFC 6120 §4.4), after an error (§4.9). */
  close(error?: StreamError): void {
    this.#connection.finish(this.#wire.end(error), error)
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#connection.destroy()
  }

  /** What the connection still brings is nobody's. It ends, after `error` if the client is to know. */
  abandon(error?: StreamError): void {
    this.receiver = NOBODY
    this.#connection.finish(error === undefined ? NOTHING : this.#wire.end(error), error)
  }

  /** Goes on with the connection of another stream. */
  change({ connection, wire }: Stream, receiver: Receiver): void {
    this.#connection = connection
    this.#wire = wire
    this.receiver = receiver
  }
}
