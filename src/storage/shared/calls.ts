import type { Engine } from '../engine.ts'
import { type Ephemeral, StorageError, type TableKind } from '../types.ts'
import type { Calls } from './protocol.ts'

/** Answers the rarer questions. */
export type Answers = {
  readonly [C in keyof Calls]: (...args: Calls[C]['ask']) => Promise<Calls[C]['answer']>
}

/** Answers them with an engine, for all clients. */
export function answers(engine: Engine, ephemeral: Ephemeral): Answers {
  const kinds = new Map<string, TableKind>(engine.kinds)
  return {
    hello: async () => Object.fromEntries(kinds),
    define: async (table, kind) => {
      const known = kinds.get(table)
      if (known !== undefined && known !== kind)
        throw new StorageError('invalid', `table ${table} is of kind ${known}`)
      engine.define(table, kind)
      kinds.set(table, kind)
      return null
    },
    owners: (table, after, limit) => engine.owners(table, after ?? undefined, limit),
    purge: (archive, owner, query) => engine.purge(archive, owner, query).then(nothing),
    restore: async (archive, owner, rows) => {
      if (engine.restore === undefined)
        throw new StorageError('invalid', 'the storage process cannot take archived items of another storage')
      await engine.restore(archive, owner, rows)
      return null
    },
    expire: (archive, before, domain) => engine.expire(archive, before, domain ?? undefined).then(nothing),
    forget: owner => engine.forget(owner).then(nothing),
    backup: folder => engine.backup(folder).then(nothing),
    verify: () => engine.verify(),
    settled: () => engine.settled().then(nothing),
    setValues: (values, ttlMs) => ephemeral.set(new Map(values), ttlMs).then(nothing),
    getValue: async key => (await ephemeral.get(key)) ?? null,
  }
}

function nothing(): null {
  return null
}
