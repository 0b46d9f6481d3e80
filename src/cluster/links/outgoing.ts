import type { Socket } from 'node:net'
import type { MonotonicClock } from '../clock.ts'
import { type Answer, ClusterError, type Frame } from '../types.ts'
import { MalformedError } from './fields.ts'
import { FrameQueue } from './frame-queue.ts'
import { Caller, type Identity, MOST_GREETING_BYTES, RefusedError } from './greeting.ts'
import { OpenRequests } from './open-requests.ts'
import { KIND, MOST_BYTES, type Packet, PacketReader, packAnswer, packFields, packNumber } from './packets.ts'

/** What all that goes out of a node shares. */
export interface OutgoingParts {
  readonly own: Identity
  readonly clock: MonotonicClock
  /** Opens a connection; it may not be up yet. */
  readonly connect: (address: string) => Socket
  /** Tells that there is a link to this node, or (with a reason) none any more, though there is something to send. */
  readonly changed: (node: string, trouble?: Error) => void
  /** The node takes nothing, or will not: nothing more can be sent to it. */
  readonly broken: (node: string) => void
  /** Bytes that may wait for one node before requests are refused. Four times as many break the link. */
  readonly mostBytes: number
  /** Seconds for which the node may take nothing of what waits for it before the link is broken. */
  readonly patience: number
}

/** Bytes of one write. */
const WRITE_BYTES = 256 * 1024
/** Requests to one node that wait for their answers. */
const MOST_OPEN = 65_536
/** Of bytes that wait, requests may take one part of so many; the rest is for what cannot be refused. */
const REQUESTS_SHARE = 4
const SECOND_MS = 1000
/** A connection over which nothing is taken for so many seconds is made anew. */
const STALLED_SECONDS = 3
const GREETING_MS = 5000
const FIRST_RETRY_MS = 20
const LAST_RETRY_MS = 1000

/** All that this node sends to another one, in order: requests, frames without an answer, and its answers. It makes the connection itself. */
export class Outgoing {
  readonly #parts: OutgoingParts
  readonly #node: string
  /** Where the node is reached; it may become known later. */
  #address: string | undefined
  readonly #queue = new FrameQueue()
  readonly #open: OpenRequests
  #socket: Socket | undefined
  /** The connection is up and the greeting over. */
  #ready = false
  #ended = false
  #flushing = false
  #watching = false
  /** Seconds without progress, and what had been taken then. */
  #idle = 0
  #idleAt = 0
  #retryMs = FIRST_RETRY_MS
  #retrying: { cancel(): void } | undefined
  /** The trouble was told already. */
  #troubled = false
  readonly #watchers = new Set<() => void>()

  constructor(node: string, address: string | undefined, parts: OutgoingParts) {
    this.#node = node
    this.#address = address
    this.#parts = parts
    this.#open = new OpenRequests(node)
  }

  /** Whether anything has not been taken or answered. */
  get busy(): boolean {
    return this.#queue.size > 0 || this.#open.size > 0
  }

  /** Whether the node has taken everything. */
  get clear(): boolean {
    return this.#queue.size === 0
  }

  /** The node is reached here from now on. */
  reach(address: string): void {
    if (address === this.#address) return
    this.#address = address
    this.#wake()
  }

  /** How many packets were given to it to send. */
  get count(): number {
    return this.#queue.taken + this.#queue.size
  }

  /** Calls `task` once when something has been taken or answered, or it has ended. */
  onProgress(task: () => void): void {
    this.#watchers.add(task)
  }

  request(frame: Frame): Promise<Answer> {
    if (this.#queue.bytes > this.#parts.mostBytes || this.#open.size >= MOST_OPEN)
      return Promise.reject(new ClusterError('overloaded', `too much waits for node ${this.#node}`))
    return this.#open.add(() => this.#send(packFields(KIND.request, frame)))
  }

  notify(frame: Frame): void {
    this.#send(packFields(KIND.notify, frame))
  }

  /** Answers a request of the node; without an answer: it could not be handled. */
  answer(number: number, answer?: Answer): void {
    this.#send(answer === undefined ? packNumber(KIND.failure, number) : packAnswer(number, answer))
  }

  /** An answer has come. */
  answered(number: number, answer: Answer | undefined): void {
    this.#open.answered(number, answer)
    this.#progress()
  }

  /** Nothing more is sent: requests that wait for an answer are refused as `gone`. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#retrying?.cancel()
    this.#socket?.destroy()
    this.#queue.clear()
    this.#open.end()
    this.#progress()
  }

  /** The number that it got; undefined once it has ended. */
  #send(packet: Buffer): number | undefined {
    if (this.#ended) return undefined
    if (packet.length > MOST_BYTES) throw new ClusterError('too-large', 'a frame is too large')
    const number = this.#queue.push(packet)
    if (this.#queue.bytes > REQUESTS_SHARE * this.#parts.mostBytes) this.#parts.broken(this.#node)
    else this.#wake()
    return number
  }

  /** Sees that what waits is sent: when this tick is over, so that all of a tick leaves in one write. */
  #wake(): void {
    if (this.#ended || this.#queue.size === 0) return
    if (!this.#watching) this.#watch()
    if (this.#socket === undefined) {
      if (this.#retrying === undefined) this.#connect()
    } else if (this.#ready && !this.#flushing) {
      this.#flushing = true
      setImmediate(() => {
        this.#flushing = false
        this.#flush()
      })
    }
  }

  #flush(): void {
    const socket = this.#socket
    if (!this.#ready || socket === undefined || socket.writableNeedDrain) return
    for (
      let bytes = this.#queue.hand(WRITE_BYTES);
      bytes !== undefined;
      bytes = this.#queue.hand(WRITE_BYTES)
    )
      if (!socket.write(bytes)) return
  }

  #connect(): void {
    if (this.#address === undefined) return
    const socket = this.#parts.connect(this.#address)
    this.#socket = socket
    const caller = new Caller(this.#parts.own, this.#node)
    const reader = new PacketReader(MOST_GREETING_BYTES)
    const tooLong = this.#parts.clock.after(GREETING_MS, () => this.#ready || socket.destroy())
    let trouble: Error | undefined
    const fail = (error: unknown): void => {
      trouble = error as Error
      socket.destroy()
    }
    socket.once('connect', () => socket.write(caller.hello()))
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk, packet => socket.destroyed || this.#take(packet, caller, socket))
      } catch (error) {
        fail(error)
      }
    })
    socket.on('drain', () => this.#flush())
    socket.on('error', fail)
    socket.on('end', () => fail(new Error('closed by the other side')))
    socket.once('close', () => {
      tooLong.cancel()
      this.#closed(trouble)
    })
  }

  #take(packet: Packet, caller: Caller, socket: Socket): void {
    if (this.#ready) {
      if (packet.kind !== KIND.taken) throw new MalformedError('not what was to come')
      this.#queue.acknowledge(packet.number)
      this.#progress()
      return
    }
    if (packet.kind !== KIND.greeting) throw new MalformedError('not a greeting')
    const next = caller.take(packet.fields)
    if (typeof next !== 'number') {
      socket.write(next)
      return
    }
    this.#queue.acknowledge(next)
    this.#queue.rewind()
    this.#ready = true
    this.#troubled = false
    this.#retryMs = FIRST_RETRY_MS
    this.#parts.changed(this.#node)
    this.#progress()
    this.#flush()
  }

  #closed(trouble: Error | undefined): void {
    this.#socket = undefined
    this.#ready = false
    if (this.#ended) return
    if (trouble instanceof RefusedError && trouble.reason === 'gone') {
      this.#parts.broken(this.#node)
      return
    }
    if (this.#queue.size === 0) return
    if (!this.#troubled) this.#parts.changed(this.#node, trouble ?? new Error('no answer'))
    this.#troubled = true
    this.#retrying = this.#parts.clock.after(this.#retryMs, () => {
      this.#retrying = undefined
      this.#wake()
    })
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }

  /**
   * Looks once a second whether anything was taken. Seconds are counted as they are seen to pass: those in which this process was stopped
   * say nothing about the other.
   */
  #watch(): void {
    this.#watching = true
    this.#parts.clock.after(SECOND_MS, () => {
      this.#watching = false
      if (this.#ended || this.#queue.size === 0) return
      this.#idle = this.#queue.taken === this.#idleAt ? this.#idle + 1 : 0
      this.#idleAt = this.#queue.taken
      if (this.#idle >= this.#parts.patience) return this.#parts.broken(this.#node)
      if (this.#idle % STALLED_SECONDS === STALLED_SECONDS - 1 && this.#ready) this.#socket?.destroy()
      this.#watch()
    })
  }

  #progress(): void {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    for (const task of watchers) task()
  }
}
