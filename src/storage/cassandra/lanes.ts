import type { Committed, Operation } from '../engine.ts'
import { Room, weigh } from '../room.ts'
import { StorageError } from '../types.ts'

/** A group takes so many commits, and not much more than so many bytes: it is one mutation for each owner. */
const GROUP_COMMITS = 1_000
const GROUP_BYTES = 2 * 1024 * 1024

/** Stores commits together: what became of each, in their order. Never rejects. */
export type Execute = (
  group: readonly (readonly Operation[])[],
) => Promise<readonly (Committed | StorageError)[]>

interface Commit {
  readonly lanes: readonly string[]
  readonly operations: readonly Operation[]
  readonly bytes: number
  readonly resolve: (committed: Committed) => void
  readonly reject: (error: StorageError) => void
}

interface Job {
  readonly lanes: readonly string[]
  readonly run: () => Promise<void>
}

/**
 * Each owner's commits one after the other; those of different owners at once. While an owner's commit is being stored, what comes for the
 * owner gathers, and goes as one group. Gap-free numbers need that: what follows a commit that failed must not have been sent.
 */
export class Lanes {
  readonly #execute: Execute
  readonly #lanes = new Map<string, Lane>()
  readonly #room = new Room()
  #jobs = 0
  #idle: PromiseWithResolvers<void> | undefined

  constructor(execute: Execute) {
    this.#execute = execute
  }

  /** Stores operations together. */
  commit(operations: readonly Operation[]): Promise<Committed> {
    const bytes = weigh(operations)
    if (!this.#room.enter(bytes))
      return Promise.reject(new StorageError('overloaded', 'too much is waiting to be stored'))
    const lanes = [...new Set(operations.map(({ owner }) => owner))]
    return new Promise((resolve, reject) => this.#enter({ lanes, operations, bytes, resolve, reject }))
  }

  /** Runs something when all that came for these lanes before is done; what comes later waits for it. */
  async run<T>(lanes: readonly string[], task: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#jobs++
    this.#enter({ lanes, run: () => task().then(resolve, reject) })
    return promise
  }

  /** Commits that have been neither stored nor refused yet. */
  get waiting(): number {
    return this.#room.commits
  }

  /** See `Storage.pressure`. */
  pressure(): Promise<void> | undefined {
    return this.#room.pressure()
  }

  /** Resolves when nothing is waiting or running. */
  idle(): Promise<void> {
    if (this.#room.commits + this.#jobs === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  #enter(entry: Commit | Job): void {
    for (const name of entry.lanes) {
      const lane = this.#lanes.get(name) ?? new Lane()
      this.#lanes.set(name, lane)
      lane.push(entry)
    }
    this.#startIfFirst(entry)
  }

  /** Starts an entry whose turn has come in all of its lanes. */
  #startIfFirst(entry: Commit | Job): void {
    if (!entry.lanes.every(name => this.#isFree(name, entry))) return
    this.#leave(entry)
    if ('run' in entry) void this.#runJob(entry)
    else void this.#runGroup(this.#group(entry))
  }

  #isFree(name: string, entry: Commit | Job): boolean {
    const lane = this.#lanes.get(name)!
    return !lane.busy && lane.first === entry
  }

  /** Takes an entry from the lines of its lanes, which are busy with it from now on. */
  #leave(entry: Commit | Job): void {
    for (const name of entry.lanes) {
      const lane = this.#lanes.get(name)!
      lane.shift()
      lane.busy = true
    }
  }

  /** A commit with those that wait behind it, and those that wait behind these. */
  #group(first: Commit): Commit[] {
    const group = [first]
    const lanes = new Set(first.lanes)
    let bytes = first.bytes
    for (const name of lanes)
      for (let next = this.#lanes.get(name)!.first; next !== undefined; next = this.#lanes.get(name)!.first) {
        if ('run' in next || group.length >= GROUP_COMMITS || bytes + next.bytes > GROUP_BYTES) break
        const mayJoin = (other: string): boolean =>
          this.#lanes.get(other)!.first === next && (lanes.has(other) || !this.#lanes.get(other)!.busy)
        if (!next.lanes.every(mayJoin)) break
        this.#leave(next)
        group.push(next)
        bytes += next.bytes
        // A set that grows while it is gone through: their lanes are looked at, too.
        for (const other of next.lanes) lanes.add(other)
      }
    return group
  }

  async #runGroup(group: readonly Commit[]): Promise<void> {
    const outcomes = await this.#execute(group.map(({ operations }) => operations))
    for (const [n, { bytes, resolve, reject }] of group.entries()) {
      this.#room.leave(bytes)
      const outcome = outcomes[n]!
      if (outcome instanceof StorageError) reject(outcome)
      else resolve(outcome)
    }
    this.#freed(new Set(group.flatMap(({ lanes }) => lanes)))
  }

  async #runJob(job: Job): Promise<void> {
    await job.run()
    this.#jobs--
    this.#freed(job.lanes)
  }

  #freed(names: Iterable<string>): void {
    for (const name of names) this.#lanes.get(name)!.busy = false
    for (const name of names) {
      const lane = this.#lanes.get(name)
      if (lane === undefined || lane.busy) continue
      if (lane.first === undefined) this.#lanes.delete(name)
      else this.#startIfFirst(lane.first)
    }
    this.#room.settle()
    if (this.#room.commits + this.#jobs === 0) this.#idle = void this.#idle?.resolve()
  }
}

/** A line of entries. */
class Lane {
  busy = false
  #line: (Commit | Job)[] = []
  #at = 0

  get first(): Commit | Job | undefined {
    return this.#line[this.#at]
  }

  push(entry: Commit | Job): void {
    this.#line.push(entry)
  }

  shift(): void {
    this.#at++
    if (this.#at < this.#line.length) return
    this.#line = []
    this.#at = 0
  }
}
