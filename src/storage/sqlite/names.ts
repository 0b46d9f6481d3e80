import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StorageError, type TableKind } from '../types.ts'

const MAX_CACHED_ADDRESSES = 20_000

/** Whom an owner talked with. */
export interface Peer {
  /** The number of the bare address. */
  readonly address: number
  /** `''` for none. */
  readonly resource: string
}

/** The numbers that stand for names and addresses in the rows. Lives in the writer; all calls are inside a transaction. */
export class Names {
  readonly #tables = new Map<string, { id: number; kind: TableKind }>()
  readonly #archives = new Map<string, number>()
  readonly #addresses = new Map<string, number>()
  readonly #peers = new Map<string, Peer>()
  readonly #statements: Record<
    'table' | 'newTable' | 'archive' | 'newArchive' | 'address' | 'newAddress' | 'text' | 'changed',
    StatementSync
  >

  constructor(db: DatabaseSync) {
    this.#statements = {
      table: db.prepare('SELECT id, kind FROM table_name WHERE name = ?'),
      newTable: db.prepare('INSERT INTO table_name(name, kind) VALUES(?, ?)'),
      archive: db.prepare('SELECT id FROM archive_name WHERE name = ?'),
      newArchive: db.prepare('INSERT INTO archive_name(name) VALUES(?)'),
      address: db.prepare('SELECT id FROM address WHERE text = ?'),
      newAddress: db.prepare('INSERT INTO address(text) VALUES(?)'),
      text: db.prepare('SELECT text FROM address WHERE id = ?'),
      changed: db.prepare('UPDATE progress SET generation = generation + 1'),
    }
  }

  /** The table of this name and kind, made when it is new. */
  table(name: string, kind: TableKind): number {
    const known = this.#tables.get(name) ?? this.#load(name) ?? this.#make(name, kind)
    if (known.kind !== kind) throw new StorageError('invalid', `table ${name} is of kind ${known.kind}`)
    return known.id
  }

  #load(name: string): { id: number; kind: TableKind } | undefined {
    const found = this.#statements.table.get(name) as { id: number; kind: TableKind } | undefined
    if (found !== undefined) this.#tables.set(name, found)
    return found
  }

  #make(name: string, kind: TableKind): { id: number; kind: TableKind } {
    const made = { id: Number(this.#statements.newTable.run(name, kind).lastInsertRowid), kind }
    this.#statements.changed.run()
    this.#tables.set(name, made)
    return made
  }

  /** The archive of this name, made when it is new. */
  archive(name: string): number {
    const known = this.#archives.get(name) ?? this.findArchive(name)
    if (known !== undefined) return known
    const id = Number(this.#statements.newArchive.run(name).lastInsertRowid)
    this.#statements.changed.run()
    this.#archives.set(name, id)
    return id
  }

  /** The archive of this name, if anything was ever stored in it. */
  findArchive(name: string): number | undefined {
    return this.#statements.archive.get(name)?.id as number | undefined
  }

  /** The number of an address, given when it is new. */
  address(text: string): number {
    const known = this.#addresses.get(text)
    if (known !== undefined) return known
    const id = this.findAddress(text) ?? Number(this.#statements.newAddress.run(text).lastInsertRowid)
    if (this.#addresses.size >= MAX_CACHED_ADDRESSES) this.#addresses.clear()
    this.#addresses.set(text, id)
    return id
  }

  /** The number of a bare or full address, given when it is new, and its resource. */
  peer(text: string): Peer {
    const known = this.#peers.get(text)
    if (known !== undefined) return known
    const slash = text.indexOf('/')
    const peer =
      slash < 0
        ? { address: this.address(text), resource: '' }
        : { address: this.address(text.slice(0, slash)), resource: text.slice(slash + 1) }
    if (this.#peers.size >= MAX_CACHED_ADDRESSES) this.#peers.clear()
    this.#peers.set(text, peer)
    return peer
  }

  /** The number of an address, if it has one. */
  findAddress(text: string): number | undefined {
    return this.#statements.address.get(text)?.id as number | undefined
  }

  /** The address with this number. */
  text(address: number): string {
    return String(this.#statements.text.get(address)?.text)
  }

  /** After a rollback: the last names may never have been stored. */
  reset(): void {
    this.#tables.clear()
    this.#archives.clear()
    this.#addresses.clear()
    this.#peers.clear()
  }
}
