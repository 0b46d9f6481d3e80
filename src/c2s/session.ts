import type { Background } from '../core/background.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { attempt, isPromise, type Maybe, then } from '../core/maybe.ts'
import type { SessionHandle, SessionPort } from '../core/session.ts'
import type { Element } from '../xml/element.ts'
import type { StreamReader, TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Connection, Receiver } from './connection.ts'
import { incoming } from './incoming.ts'
import type { SessionMetrics } from './metrics.ts'
import type { Stream } from './stream.ts'
import { type Rate, TokenBucket } from './token-bucket.ts'
import type { Wire } from './wire.ts'

/** What all sessions of a server share. */
export interface SessionParts {
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  /** Stanzas that a client may send. Whoever sends faster is slowed, not cut. */
  readonly rate: Rate
  readonly metrics: SessionMetrics
}

/** ARCHITECTURE §8: with so many stanzas under way no more are read, until only so few are left. */
const MOST_UNSETTLED = 256
const FEW_UNSETTLED = 64

/** One stanza of so many of its kind is timed: reading the clock costs 0.15 us, and this many say the same. A power of two. */
const SAMPLE = 8

/** A client's session: hops 2 and 6 of a message (ARCHITECTURE §7). Driven by what its connection receives and by the core. */
export class ClientSession implements Receiver, SessionPort {
  readonly #connection: Connection
  readonly #wire: Wire
  readonly #reader: StreamReader
  readonly #parts: SessionParts
  readonly #bucket: TokenBucket
  readonly #metrics: SessionMetrics
  #handle: SessionHandle | undefined
  /** What was sent to it before the client knows that it is bound. */
  #early: Stanza[] | undefined
  #unsettled = 0
  /** Waits for stanzas to settle. */
  #full = false
  /** Waits because the client sends too fast. */
  #slowed = false
  #ending = false
  /** Why it ends, if it was closed before it began. */
  #closed: StreamError | undefined

  /** A session in the making, to be bound and then started with `begin()`. */
  constructor(stream: Stream, parts: SessionParts) {
    this.#connection = stream.connection
    this.#wire = stream.wire
    this.#reader = stream.reader
    this.#parts = parts
    this.#bucket = new TokenBucket(parts.rate)
    this.#metrics = parts.metrics
  }

  /** The session is bound: takes over the connection from its stream and tells the client (`greeting`). */
  begin(handle: SessionHandle, greeting: Element): void {
    this.#handle = handle
    const early = this.#early ?? []
    this.#early = undefined
    this.#connection.receiver = this
    this.#connection.send(this.#wire.element(greeting))
    for (const stanza of early) this.send(stanza)
    if (!this.#connection.open) this.gone()
    else if (this.#closed !== undefined) this.#end(this.#closed)
    else this.#pump()
  }

  /** Sends a stanza to the client. */
  send(stanza: Stanza): void {
    if (this.#handle !== undefined) {
      this.#metrics.sent[stanza.kind].value++
      this.#connection.send(this.#wire.stanza(stanza))
    } else this.#early = [...(this.#early ?? []), stanza]
  }

  drained(): Maybe<boolean> {
    return this.#connection.drained()
  }

  /** Ends the stream with an error, once what the client sent before has settled. */
  close(error: StreamError): void {
    if (this.#handle === undefined) this.#closed = error
    else this.#end(error)
  }

  received(chunk: Buffer): void {
    this.#reader.push(chunk)
    if (!this.#held) this.#pump()
  }

  /** RFC 6120 §4.4: a client that ends its side of the connection has closed its stream. */
  ended(): void {
    if (!this.#held) this.#end()
  }

  /** With XEP-0198 this is where a session goes on without a connection, until it is resumed or given up. */
  gone(): void {
    if (this.#ending) return
    this.#ending = true
    this.#parts.log.debug({ session: this.#handle?.jid }, 'connection lost')
    const unbound = this.#unbind(true)
    if (isPromise(unbound)) this.#parts.background.run('unbind', unbound)
  }

  get #held(): boolean {
    return this.#full || this.#slowed || this.#ending
  }

  /** Handles what has been received, until something makes it wait. */
  #pump(): void {
    try {
      let item = this.#held ? undefined : this.#reader.next()
      while (item?.kind === 'element') {
        this.#take(item)
        item = this.#held ? undefined : this.#reader.next()
      }
      // RFC 6120 §4.4: the client closes its stream, so we close ours.
      if (item !== undefined || (this.#connection.inputEnded && !this.#held)) this.#end()
      else if (this.#held) this.#connection.pause()
      else this.#connection.resume()
    } catch (error) {
      this.#fail(error)
    }
  }

  #take(top: TopElement): void {
    const start = this.#parts.clock.monotonic()
    const wait = this.#bucket.take(1, start)
    if (wait > 0) this.#slow(wait)
    const stanza = incoming(top, this.#handle!.jid, this)
    if (stanza === undefined) return
    const sampled = this.#metrics.received[stanza.kind].value++ % SAMPLE === 0
    const settled = this.#handle!.submit(stanza)
    if (!isPromise(settled)) {
      if (sampled) this.#metrics.handled.since(start)
      return
    }
    settled.then(
      () => this.#oneSettled(sampled ? start : undefined),
      error => this.#fail(error),
    )
    if (++this.#unsettled >= MOST_UNSETTLED) this.#full = true
  }

  #oneSettled(start: number | undefined): void {
    if (start !== undefined) this.#metrics.handled.since(start)
    if (--this.#unsettled > FEW_UNSETTLED || !this.#full) return
    this.#full = false
    this.#pump()
  }

  #slow(ms: number): void {
    this.#slowed = true
    this.#parts.clock.after(Math.ceil(ms), () => {
      this.#slowed = false
      this.#pump()
    })
  }

  /** Ends the stream with what was thrown; what is no fault of the client is logged. */
  #fail(error: unknown): void {
    if (!(error instanceof StreamError))
      this.#parts.log.error({ code: 'TIDINGS_SESSION_FAILED', err: error }, 'a session had to be closed')
    this.#end(error instanceof StreamError ? error : new StreamError('internal-server-error'))
  }

  /** Closes our side of the stream (RFC 6120 §4.4, §4.9) when all that was accepted has settled, or after a while. */
  #end(error?: StreamError): void {
    if (this.#ending) return
    this.#ending = true
    this.#parts.log.debug({ session: this.#handle?.jid, condition: error?.condition }, 'stream closed')
    this.#connection.pause()
    this.#connection.limitClosing()
    const done = then(this.#unbind(), () => this.#connection.finish(this.#wire.end(error), error))
    if (isPromise(done)) this.#parts.background.run('close', done)
  }

  #unbind(lost?: boolean): Maybe<void> {
    return attempt(
      () => this.#handle?.unbind(lost),
      err => this.#parts.log.error({ code: 'TIDINGS_UNBIND_FAILED', err }, 'a session could not be unbound'),
    )
  }
}
