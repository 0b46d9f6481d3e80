/** A client's end of the socket to the storage process: questions and their answers. */
import { connect } from 'node:net'
import type { CellReader } from '../cells.ts'
import type { Committed, Operation } from '../engine.ts'
import { Room, weigh } from '../room.ts'
import { StorageError, type StorageErrorCode } from '../types.ts'
import { readCommitted, writeCommit } from './commit-cells.ts'
import { fromText, toText } from './plain.ts'
import { ASK, type Calls, SAYS } from './protocol.ts'
import { Wire } from './wire.ts'

/** How to reach a storage process. */
export interface LinkOptions {
  /** Path of its socket. */
  readonly path: string
  /** What the storage process tells this client (`StoragePort.tell`), in order with its answers. */
  readonly onTold?: (text: string) => void
  /** The storage process has gone: all calls fail from now on. Called once at most, and not after `close`. */
  readonly onLost?: (error: StorageError) => void
}

/** A question that has no answer yet. */
interface Asked {
  readonly read: (cells: CellReader) => unknown
  readonly resolve: (answer: never) => void
  readonly reject: (error: StorageError) => void
  /** What it weighs, if it is a commit. */
  readonly bytes?: number
}

/** The questions that are asked with cells of their own; `call` and `commit` have theirs. */
type Question = 'swap' | 'get' | 'page' | 'history' | 'take'

/** Asks the storage process. Questions arrive in the order of the calls; those of a tick go as one packet. */
export class StorageLink {
  readonly #options: LinkOptions
  readonly #wire: Wire
  readonly #asked = new Map<number, Asked>()
  readonly #room = new Room()
  readonly #ended = Promise.withResolvers<void>()
  #next = 1
  #failure: StorageError | undefined
  /** While the storage process has no room. */
  #pressed: PromiseWithResolvers<void> | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#wire = new Wire(connect(options.path), {
      waits: false,
      take: cells => this.#take(cells),
      ended: cause => this.#lost(cause),
    })
  }

  /** Stores operations together. */
  commit(operations: readonly Operation[]): Promise<Committed> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const bytes = weigh(operations)
    if (!this.#room.enter(bytes))
      return Promise.reject(new StorageError('overloaded', 'too much is waiting to be stored'))
    return new Promise((resolve, reject) => {
      const { out, payloads } = this.#wire
      out.push(this.#number({ read: readCommitted, resolve, reject, bytes }), ASK.commit)
      writeCommit(operations, out, payloads)
    })
  }

  /** Asks with cells, and reads the answer by `read`. */
  ask<A>(
    question: Question,
    cells: readonly (string | number | null)[],
    read: (cells: CellReader) => A,
  ): Promise<A> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise<A>((resolve, reject) => {
      this.#wire.say(this.#number({ read, resolve, reject }), ASK[question], ...cells)
    })
  }

  /** Asks one of the rarer questions. */
  call<C extends keyof Calls>(name: C, ...args: Calls[C]['ask']): Promise<Calls[C]['answer']> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const read = (cells: CellReader): unknown => fromText(cells.text())
      this.#wire.say(this.#number({ read, resolve, reject }), ASK.call, name, toText(args))
    })
  }

  /** Tells whoever has the storage process, in order with the questions. */
  tell(text: string): void {
    this.#wire.say(0, ASK.tell, text)
  }

  /** Commits without an answer. */
  get waiting(): number {
    return this.#room.commits
  }

  /** See `Storage.pressure`. */
  pressure(): Promise<void> | undefined {
    return this.#room.pressure() ?? this.#pressed?.promise
  }

  /** Waits for the commits; whatever else has no answer yet rejects as `closed`. */
  async close(): Promise<void> {
    await this.#room.drained()
    this.fail(new StorageError('closed', 'the storage is closed'))
    this.#wire.end()
    await this.#ended.promise
  }

  /** What has no answer, and whatever comes later, fails. */
  fail(error: StorageError): void {
    this.#failure ??= error
    for (const { reject } of this.#asked.values()) reject(error)
    this.#asked.clear()
    this.#room.clear()
    this.#relieve()
  }

  #number(asked: Asked): number {
    const number = this.#next++
    this.#asked.set(number, asked)
    return number
  }

  #take(cells: CellReader): void {
    while (cells.more) {
      const number = cells.number()
      const says = cells.number()
      if (says === SAYS.done) this.#done(number, cells)
      else if (says === SAYS.failed)
        this.#refused(number, new StorageError(cells.text() as StorageErrorCode, cells.text()))
      else if (says === SAYS.tell) this.#options.onTold?.(cells.text())
      else if (cells.number() === 1) this.#pressed ??= Promise.withResolvers()
      else this.#relieve()
    }
    this.#room.settle()
  }

  #done(number: number, cells: CellReader): void {
    // Whoever has closed does not wait for it, but what follows it in the packet may matter.
    const asked = this.#answered(number)
    if (asked === undefined) throw new TypeError('an answer that nobody waits for')
    asked.resolve(asked.read(cells) as never)
  }

  #refused(number: number, error: StorageError): void {
    this.#answered(number)?.reject(error)
  }

  #answered(number: number): Asked | undefined {
    const asked = this.#asked.get(number)
    this.#asked.delete(number)
    if (asked?.bytes !== undefined) this.#room.leave(asked.bytes)
    return asked
  }

  #relieve(): void {
    this.#pressed?.resolve()
    this.#pressed = undefined
  }

  #lost(cause: Error | undefined): void {
    this.#ended.resolve()
    if (this.#failure !== undefined) return
    const error = new StorageError('unavailable', 'the storage process does not answer', { cause })
    this.fail(error)
    this.#options.onLost?.(error)
  }
}
