import { growingCache } from '../../xml/cache.ts'

/** Rows that are kept, and the longest of them, in characters: an account takes 700. */
const MOST = 1_000
const LONGEST = 1_024

/** A row as it is kept: `json` is undefined where there is none. */
interface Known {
  readonly json: string | undefined
}

/**
 * The rows of `cas` tables that were read last. A sign-in asks for its account's three times within some ms, each a wake-up of another thread.
 * It is exact: the folder belongs to this process, and whatever changes a row passes here before and after.
 */
export class RowCache {
  readonly #rows = growingCache<string, Known>(MOST)
  /** Reads under way, by what they ask for. Taken out: what they find may be outdated when it comes. */
  readonly #reading = new Map<string, Promise<string | undefined>>()

  /** The row, from memory or by `read`; those who ask for the same at a time share one answer. */
  get(
    owner: string,
    table: string,
    key: string,
    read: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const name = nameOf(owner, table, key)
    const known = this.#rows.get(name)
    if (known !== undefined) return Promise.resolve(known.json)
    return this.#reading.get(name) ?? this.#read(name, read)
  }

  #read(name: string, read: () => Promise<string | undefined>): Promise<string | undefined> {
    const reading = read()
    this.#reading.set(name, reading)
    const done = (known?: Known): void => {
      if (this.#reading.get(name) !== reading) return
      this.#reading.delete(name)
      if (known !== undefined && (known.json?.length ?? 0) <= LONGEST) this.#rows.set(name, known)
    }
    reading.then(
      json => done({ json }),
      () => done(),
    )
    return reading
  }

  /** Changes a row: what was known of it before or while it was being stored is forgotten. */
  async change<T>(owner: string, table: string, key: string, store: () => Promise<T>): Promise<T> {
    const name = nameOf(owner, table, key)
    this.#drop(name)
    try {
      return await store()
    } finally {
      this.#drop(name)
    }
  }

  /** Erases rows of an owner: likewise. */
  async erase(owner: string, erase: () => Promise<void>): Promise<void> {
    this.#dropOwner(owner)
    try {
      await erase()
    } finally {
      this.#dropOwner(owner)
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#rows.clear()
    this.#reading.clear()
  }

  #drop(name: string): void {
    this.#rows.delete(name)
    this.#reading.delete(name)
  }

  #dropOwner(owner: string): void {
    const prefix = `${owner}\0`
    for (const name of [...this.#rows.keys(), ...this.#reading.keys()])
      if (name.startsWith(prefix)) this.#drop(name)
  }
}

function nameOf(owner: string, table: string, key: string): string {
  return `${owner}\0${table}\0${key}`
}
