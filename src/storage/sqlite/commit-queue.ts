import type { Committed, Given } from '../engine.ts'
import { Room, weigh } from '../room.ts'
import { StorageError, type WallClock } from '../types.ts'
import { fromPlain } from './errors.ts'
import { encodeGroup, type Outcome, type WriterOperation } from './group-message.ts'
import { GroupWindow } from './group-window.ts'
import type { ToWriter, WriterJob } from './writer-message.ts'

/** A group takes some ms at most: so many commits, and not much more than so many bytes. */
const GROUP_COMMITS = 1000
const GROUP_BYTES = 2 * 1024 * 1024

/** A commit that was stored; `swapped`: for compare-and-set, whether the row was as expected. */
interface Stored extends Committed {
  readonly swapped: boolean
}

interface Waiting {
  readonly operations: readonly WriterOperation[]
  readonly bytes: number
  readonly resolve: (stored: Stored) => void
  readonly reject: (error: StorageError) => void
}

interface WaitingJob {
  readonly job: WriterJob
  readonly resolve: () => void
  readonly reject: (error: StorageError) => void
}

/**
 * Commits on their way to the writer. Those of a tick go as one group; while a group is being stored the next one gathers.
 * Jobs keep their place among the commits.
 */
export class CommitQueue {
  readonly #post: (message: ToWriter) => void
  readonly #clock: WallClock
  readonly #window = new GroupWindow()
  readonly #line: (Waiting | WaitingJob)[] = []
  /** Commits that the writer has. */
  #sent: readonly Waiting[] = []
  /** Jobs that the writer has, by number. */
  readonly #jobs = new Map<number, WaitingJob>()
  #nextJob = 1
  readonly #room = new Room()
  #scheduled = false
  #timer: NodeJS.Timeout | undefined
  #failure: StorageError | undefined

  constructor(post: (message: ToWriter) => void, clock: WallClock) {
    this.#post = post
    this.#clock = clock
  }

  /** Stores operations together. Promises resolve in the order of the calls. */
  commit(operations: readonly WriterOperation[]): Promise<Stored> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const bytes = weigh(operations)
    if (!this.#room.enter(bytes))
      return Promise.reject(new StorageError('overloaded', 'too much is waiting to be stored'))
    return new Promise((resolve, reject) => {
      this.#line.push({ operations, bytes, resolve, reject })
      this.#schedule()
    })
  }

  /** Has work done that concerns what was committed before. */
  run(job: WriterJob): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#line.push({ job, resolve, reject })
      this.#schedule()
    })
  }

  /** Commits that have been neither stored nor refused yet. */
  get waiting(): number {
    return this.#room.commits
  }

  /** See `Storage.pressure`. */
  pressure(): Promise<void> | undefined {
    return this.#room.pressure()
  }

  /** Resolves when no commit is waiting any more. Jobs may be: they can take long. */
  drained(): Promise<void> {
    return this.#room.drained()
  }

  /** The writer has stored the group it was sent last. */
  onGroup(outcomes: readonly Outcome[]): void {
    const sent = this.#sent
    this.#sent = []
    for (const [index, { bytes, resolve, reject }] of sent.entries()) {
      this.#room.leave(bytes)
      const outcome = outcomes[index]!
      if ('error' in outcome) reject(fromPlain(outcome.error))
      else resolve(storedOf(outcome))
    }
    this.#room.settle()
    if (this.#line.length > 0) this.#schedule()
  }

  /** The writer has finished a job. */
  onJob(number: number, error: StorageError | undefined): void {
    const job = this.#jobs.get(number)
    this.#jobs.delete(number)
    if (error === undefined) job?.resolve()
    else job?.reject(error)
  }

  /** The writer is gone or not wanted any more: what waits, and whatever comes later, fails. */
  fail(error: StorageError): void {
    this.#failure = error
    clearTimeout(this.#timer)
    for (const { reject } of [...this.#sent, ...this.#jobs.values(), ...this.#line.splice(0)]) reject(error)
    this.#sent = []
    this.#jobs.clear()
    this.#room.clear()
  }

  #schedule(): void {
    if (this.#scheduled || this.#sent.length > 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  #send(): void {
    if (this.#sent.length > 0) return
    clearTimeout(this.#timer)
    const wait = this.#line.some(waiting => 'job' in waiting)
      ? 0
      : this.#window.wait(this.#line.length, performance.now())
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#send(), wait)
      return
    }
    this.#sendJobs()
    const group = this.#takeGroup()
    if (group.length === 0) return
    this.#sent = group
    this.#window.sent(group.length, performance.now())
    this.#post(
      encodeGroup(
        group.map(({ operations }) => operations),
        this.#clock.now(),
      ),
    )
  }

  #sendJobs(): void {
    for (let first = this.#line[0]; first !== undefined && 'job' in first; first = this.#line[0]) {
      this.#line.shift()
      const number = this.#nextJob++
      this.#jobs.set(number, first)
      this.#post({ kind: 'job', number, job: first.job })
    }
  }

  /** The commits from the front of the line, up to the next job. */
  #takeGroup(): Waiting[] {
    const group: Waiting[] = []
    let bytes = 0
    for (const waiting of this.#line) {
      if ('job' in waiting || group.length === GROUP_COMMITS || bytes >= GROUP_BYTES) break
      group.push(waiting)
      bytes += waiting.bytes
    }
    this.#line.splice(0, group.length)
    return group
  }
}

function storedOf({ repeated, swapped, given: numbers }: Extract<Outcome, { given: unknown }>): Stored {
  const given: Given[] = []
  for (let n = 0; n < numbers.length; n += 3)
    given.push({ id: BigInt(numbers[n]!), sequence: numbers[n + 1]!, unread: numbers[n + 2]! })
  return { repeated, swapped, given }
}
