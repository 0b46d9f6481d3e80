/** How many commits may wait to be stored. */
import type { Operation } from './engine.ts'

/** From here on callers are asked to pause, and from there on commits are refused. */
const PRESSURE = { commits: 10_000, bytes: 16 * 1024 * 1024 }
const REFUSE = { commits: 100_000, bytes: 128 * 1024 * 1024 }

/** What an operation weighs besides its item, bytes. */
const OVERHEAD = 128

/** Counts commits from the call until they are stored or refused. */
export class Room {
  #commits = 0
  #bytes = 0
  #relief: PromiseWithResolvers<void> | undefined
  #idle: PromiseWithResolvers<void> | undefined

  /** Lets a commit in; false when there is no room for it. */
  enter(bytes: number): boolean {
    if (this.#commits >= REFUSE.commits || (this.#commits > 0 && this.#bytes + bytes > REFUSE.bytes))
      return false
    this.#commits++
    this.#bytes += bytes
    return true
  }

  /** A commit has been stored or refused. Those who wait for it are told by `settle`. */
  leave(bytes: number): void {
    this.#commits--
    this.#bytes -= bytes
  }

  /** Nothing is waited for any more. */
  clear(): void {
    this.#commits = 0
    this.#bytes = 0
    this.settle()
  }

  /** Commits that are in. */
  get commits(): number {
    return this.#commits
  }

  /** See `Storage.pressure`. */
  pressure(): Promise<void> | undefined {
    if (this.#commits < PRESSURE.commits && this.#bytes < PRESSURE.bytes) return undefined
    this.#relief ??= Promise.withResolvers()
    return this.#relief.promise
  }

  /** Resolves when no commit is in. */
  drained(): Promise<void> {
    this.#idle ??= Promise.withResolvers()
    const { promise } = this.#idle
    this.settle()
    return promise
  }

  /** Tells those who wait for room or for the end. */
  settle(): void {
    if (
      this.#relief !== undefined &&
      this.#commits < PRESSURE.commits / 2 &&
      this.#bytes < PRESSURE.bytes / 2
    ) {
      this.#relief.resolve()
      this.#relief = undefined
    }
    if (this.#idle !== undefined && this.#commits === 0) {
      this.#idle.resolve()
      this.#idle = undefined
    }
  }
}

/** What `weigh` looks at: operations, and what a back end adds to them. */
type Weighed =
  | Pick<Extract<Operation, { kind: 'append' | 'replace' }>, 'kind' | 'payload'>
  | Pick<Extract<Operation, { kind: 'delete' }>, 'kind' | 'keys'>
  | { readonly kind: 'put' | 'raise' | 'swap'; readonly json: string | undefined }

/** What a commit weighs, bytes. */
export function weigh(operations: readonly Weighed[]): number {
  let bytes = 0
  for (const operation of operations)
    if ('payload' in operation) bytes += OVERHEAD + operation.payload.byteLength
    else if ('keys' in operation) bytes += OVERHEAD * (1 + operation.keys.length)
    else bytes += OVERHEAD + (operation.json?.length ?? 0)
  return bytes
}
