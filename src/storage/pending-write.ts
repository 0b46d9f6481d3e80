import type { JID } from '../xml/jid.ts'
import type { Operation } from './engine.ts'
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

/** An append, which learns its id from the commit. */
export class PendingAppend extends PendingWrite implements Append {
  given: bigint | undefined

  get id(): bigint {
    if (this.given === undefined)
      throw new StorageError('invalid', 'an id is known when its commit has resolved')
    return this.given
  }
}
