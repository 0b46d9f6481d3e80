import { StorageError, type TableKind } from '../types.ts'
import type { Connection } from './connection.ts'

/** Archives are in the same list. */
type Kind = TableKind | 'archive'

const READ = 'SELECT name, kind FROM kinds'
const READ_ONE = 'SELECT kind FROM kinds WHERE name = ?'
const ADD = 'INSERT INTO kinds (name, kind) VALUES (?, ?) IF NOT EXISTS'

/** Which tables and archives there are, and of which kind each one is. */
export class Kinds {
  readonly #connection: Connection
  readonly #known = new Map<string, Kind>()
  /** Names that are not written down yet, with the attempt that is under way. Of which kind they are does not depend on it. */
  readonly #unwritten = new Map<string, Promise<void> | undefined>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async open(): Promise<void> {
    for (const { name, kind } of await this.#connection.all(READ))
      this.#known.set(name as string, kind as Kind)
  }

  /** Takes note of a kind. Throws where the name stands for another one. */
  define(name: string, kind: Kind): void {
    const known = this.#known.get(name)
    if (known !== undefined && known !== kind) throw otherKind(name, known)
    if (known !== undefined) return
    this.#known.set(name, kind)
    this.#write(name).catch(() => undefined)
  }

  /** Waits until a name is written down; it has to be before anything is stored under it. Tries again where that has failed. */
  ready(name: string): Promise<void> | undefined {
    return this.#unwritten.has(name) ? (this.#unwritten.get(name) ?? this.#write(name)) : undefined
  }

  kindOf(name: string): Kind | undefined {
    return this.#known.get(name)
  }

  /** The tables that are known. */
  get tables(): ReadonlyMap<string, TableKind> {
    const all = Array.from(this.#known)
    return new Map(all.flatMap(([name, kind]) => (kind === 'archive' ? [] : [[name, kind] as const])))
  }

  /** All names of one kind, those that other processes have written down, too. */
  async names(kind: Kind): Promise<string[]> {
    await this.open()
    return Array.from(this.#known).flatMap(([name, one]) => (one === kind ? [name] : []))
  }

  #write(name: string): Promise<void> {
    const writing = this.#add(name, this.#known.get(name)!)
    this.#unwritten.set(name, writing)
    writing.then(
      () => this.#unwritten.delete(name),
      () => this.#unwritten.set(name, undefined),
    )
    return writing
  }

  async #add(name: string, kind: Kind): Promise<void> {
    if ((await this.#connection.compareAndSet([{ query: ADD, params: [name, kind] }])) === true) return
    const [row] = await this.#connection.serially(READ_ONE, [name])
    if (row === undefined) throw new StorageError('unavailable', `table ${name} could not be written down`)
    if (row.kind !== kind) throw otherKind(name, row.kind as Kind)
  }
}

function otherKind(name: string, kind: Kind): StorageError {
  return new StorageError('invalid', `table ${name} is of kind ${kind}`)
}
