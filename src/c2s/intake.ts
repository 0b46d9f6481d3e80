import type { Clock } from '../core/clock.ts'
import { isPromise, type Maybe } from '../core/maybe.ts'
import type { StreamReader, TopElement } from '../xml/reader.ts'
import type { Connection } from './connection.ts'
import type { Stream } from './stream.ts'
import { type Rate, TokenBucket } from './token-bucket.ts'

/** ARCHITECTURE §8: with so many stanzas under way no more are read, until only so few are left. */
const MOST_UNSETTLED = 256
const FEW_UNSETTLED = 64

/** Whose client it is. */
export interface Taker {
  /** Nothing more is to be taken for now. */
  readonly deaf: boolean
  /** Handles an element; settles when that is handled. Throws or rejects when the stream has to end. */
  take(top: TopElement): Maybe<void>
  /** The client has closed its stream. */
  closes(): void
  /** The client's side of the connection has ended. */
  inputEnds(): void
  /** What `take` threw. */
  fail(error: unknown): void
}

/** Hop 2 of a message (ARCHITECTURE §7): takes a client's elements one by one, at a pace that the server can keep and the client may have. */
export class Intake {
  readonly #taker: Taker
  readonly #clock: Clock
  readonly #bucket: TokenBucket
  #connection: Connection
  #reader: StreamReader
  #unsettled = 0
  /** Waits for stanzas to settle. */
  #full = false
  /** Waits because the client sends too fast. */
  #slowed = false

  /** `rate` in elements. */
  constructor(taker: Taker, { connection, reader }: Stream, rate: Rate, clock: Clock) {
    this.#taker = taker
    this.#clock = clock
    this.#bucket = new TokenBucket(rate)
    this.#connection = connection
    this.#reader = reader
  }

  /** Goes on with another stream of the same client. */
  set stream({ connection, reader }: Stream) {
    this.#connection = connection
    this.#reader = reader
  }

  /** Takes what has been received. */
  push(chunk: Buffer): void {
    this.#reader.push(chunk)
    if (!this.#held) this.pump()
  }

  /** The client will send nothing more. */
  ends(): void {
    if (!this.#held) this.#taker.inputEnds()
  }

  /** Has handled what has been received, until something makes it wait. */
  pump(): void {
    try {
      let item = this.#held ? undefined : this.#reader.next()
      while (item?.kind === 'element') {
        this.#take(item)
        item = this.#held ? undefined : this.#reader.next()
      }
      if (item !== undefined) this.#taker.closes()
      else if (this.#held) this.#connection.pause()
      else if (this.#connection.inputEnded) this.#taker.inputEnds()
      else this.#connection.resume()
    } catch (error) {
      this.#taker.fail(error)
    }
  }

  get #held(): boolean {
    return this.#full || this.#slowed || this.#taker.deaf
  }

  #take(top: TopElement): void {
    const wait = this.#bucket.take(1, this.#clock.monotonic())
    if (wait > 0) this.#slow(wait)
    const settled = this.#taker.take(top)
    if (!isPromise(settled)) return
    settled.then(
      () => this.#oneSettled(),
      error => this.#taker.fail(error),
    )
    if (++this.#unsettled >= MOST_UNSETTLED) this.#full = true
  }

  #oneSettled(): void {
    if (--this.#unsettled > FEW_UNSETTLED || !this.#full) return
    this.#full = false
    this.pump()
  }

  #slow(ms: number): void {
    this.#slowed = true
    this.#clock.after(Math.ceil(ms), () => {
      this.#slowed = false
      this.pump()
    })
  }
}
