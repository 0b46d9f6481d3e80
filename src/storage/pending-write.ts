import type { JID } from '../xml/jid.ts'
import type { Given, Operation } from './engine.ts'
import { type Append, type Storage, StorageError, type Write } from './types.ts'

/** A write on its way to `commit`. What is wrong with it comes out there, so that it fails its commit and nothing else. */
export class PendingWrite implements Write {
  readonly owner: JID
  readonly storage: Storage
  readonly operation: Operation | undefined
  readonly fault: StorageError | undefined
  spent = false

  constructor(storage: Storage, owner: JID, prepare: (owner: string) => Operation) {
    this.storage = storage
    this.owner = owner.bare
    try {
      this.operation = prepare(owner.bare.toString())
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.fault = error
    }
  }
}

/** An append, which learns from the commit what it was given. */
export class PendingAppend extends PendingWrite implements Append {
  #given: Given | undefined
  #repeated = false

  /** The commit has resolved. */
  resolve(given: Given, repeated: boolean): void {
    this.#given = given
    this.#repeated = repeated
  }

  get committed(): boolean {
    return this.#given !== undefined
  }

  get id(): bigint {
    return this.#known.id
  }

  get sequence(): number {
    return this.#known.sequence
  }

  get unread(): number {
    return this.#known.unread
  }

  get repeated(): boolean {
    return this.#known !== undefined && this.#repeated
  }

  get #known(): Given {
    if (this.#given === undefined)
      throw new StorageError('invalid', 'what a commit gives is known when it has resolved')
    return this.#given
  }
}
