import type { JID } from '../xml/jid.ts'
import { checkKey } from './checks.ts'
import type { Engine } from './engine.ts'
import { FrontReadableTable } from './front-table.ts'
import { decodeMark, encodeMark } from './marks.ts'
import { PendingWrite } from './pending-write.ts'
import type { Mark, MarkTable, Storage, Write } from './types.ts'

/** A table of kind `mark`. */
export class FrontMarkTable extends FrontReadableTable<Mark> implements MarkTable {
  readonly #storage: Storage

  constructor(name: string, engine: () => Engine, storage: Storage) {
    super(name, engine, decodeMark)
    this.#storage = storage
  }

  raise(owner: JID, key: string, mark: Mark): Write {
    return new PendingWrite(this.#storage, owner, text => {
      checkKey(key)
      return { kind: 'raise', table: this.name, owner: text, key, json: encodeMark(mark) }
    })
  }

  delete(owner: JID, ...keys: string[]): Write {
    return new PendingWrite(this.#storage, owner, text => {
      for (const key of keys) checkKey(key)
      return { kind: 'delete', of: 'mark', table: this.name, owner: text, keys }
    })
  }
}
