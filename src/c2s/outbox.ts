import type { Duplex } from 'node:stream'
import { type Piece, Slab } from './slab.ts'

/** Above this a queue is offered to the socket before the tick ends: a long answer need not wait in memory. */
const EARLY_BYTES = 64 * 1024

/** The connection an outbox belongs to. */
export interface OutboxOwner {
  /** The socket to write to at this moment: it changes when TLS starts. */
  readonly socket: Duplex
  /** The peer is too slow: more is pending than the limit allows. */
  overflowed(): void
}

/**
 * The queued output of one connection. What is written during a tick of the event loop leaves in one piece when the tick ends
 * (ARCHITECTURE §8: a write to the kernel costs more than a stanza), and what the socket does not take waits here.
 */
export class Outbox {
  readonly #owner: OutboxOwner
  readonly #ticks: Ticks
  #queue: Piece[] | undefined
  #bytes = 0
  #listed = false

  constructor(owner: OutboxOwner, ticks: Ticks) {
    this.#owner = owner
    this.#ticks = ticks
  }

  /** Queues bytes, and text that goes before them; they leave before the event loop goes on. */
  write(bytes: Buffer, before = ''): void {
    this.#queue ??= []
    if (before !== '') {
      this.#bytes += Buffer.byteLength(before)
      this.#queue.push(before)
    }
    this.#bytes += bytes.length
    this.#queue.push(bytes)
    if (this.#bytes > EARLY_BYTES) this.flush()
    if (this.#listed) return
    this.#listed = true
    this.#ticks.add(this)
  }

  /** Hands what is queued to the socket, unless that has enough to send: then it says 'drain', and the owner calls again. */
  flush(): void {
    const { socket } = this.#owner
    if (socket.writableLength < socket.writableHighWaterMark) this.hand()
  }

  /** Hands what is queued to the socket, however much that has to send: before it is closed or wrapped. */
  hand(): void {
    const queue = this.#queue
    if (queue === undefined) return
    const bytes = this.#bytes
    this.#queue = undefined
    this.#bytes = 0
    this.#ticks.slab.write(this.#owner.socket, queue, bytes)
  }

  /** The socket is gone: nothing will leave any more. */
  clear(): void {
    this.#queue = undefined
    this.#bytes = 0
  }

  /** Called by `Ticks`: the tick is over. */
  tick(limit: number): void {
    this.#listed = false
    this.flush()
    if (this.pending > limit) this.#owner.overflowed()
  }

  /** Bytes that have not left: queued here or in the socket. */
  get pending(): number {
    return this.#bytes + this.#owner.socket.writableLength
  }
}

/** The outboxes that were written to in this tick of the event loop; one of these serves all connections of a server. */
export class Ticks {
  /** Most bytes that may be pending in one outbox when a tick ends. */
  limit: number
  readonly slab = new Slab()
  #written: Outbox[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  /** Has an outbox flushed when the tick ends. */
  add(outbox: Outbox): void {
    if (this.#written.push(outbox) === 1) setImmediate(() => this.#end())
  }

  #end(): void {
    const written = this.#written
    this.#written = []
    for (const outbox of written) outbox.tick(this.limit)
  }
}
