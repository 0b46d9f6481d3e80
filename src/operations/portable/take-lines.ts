/** Brings an owner's lines of JSON (lines.ts) into a storage. */
import { createReadStream } from 'node:fs'
import { TidingsError } from '../../core/errors.ts'
import type { PortablePlace } from '../../core/portable.ts'
import type { MovedItem, Storage, Write } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import { type ItemLine, type Line, plain, type RowLine, readable } from './lines.ts'
import { ACCOUNTS } from './types.ts'

/** What is stored at once: so many rows or items, and not much more than so many characters. */
const BATCH = { lines: 200, size: 2 * 1024 * 1024 }
/** One item of a storage may be 8 MiB, and some more as JSON. */
const MOST_LINE_BYTES = 64 * 1024 * 1024
const NEWLINE = 0x0a

/** The lines of a file that holds what this owner had. Throws a TidingsError where it is another's, damaged or not whole. */
export async function* readLines(file: string, owner: JID): AsyncGenerator<RowLine | ItemLine> {
  const seen = { rows: 0, items: 0 }
  let number = 0
  let end: Line | undefined
  for await (const text of split(file)) {
    number++
    const line = parse(text, file, number)
    if (end !== undefined) throw broken(file, number, 'follows the end')
    if (number === 1) {
      if (!('tidings' in line) || line.tidings !== 1 || line.owner !== owner.toString())
        throw broken(file, number, `does not say that it is of ${owner}`)
    } else if ('end' in line) end = line
    else if ('table' in line) {
      seen.rows++
      yield line
    } else if ('archive' in line) {
      seen.items++
      yield line
    } else throw broken(file, number, 'is of no known kind')
  }
  if (end === undefined || !('end' in end) || end.end.rows !== seen.rows || end.end.items !== seen.items)
    throw broken(file, number, 'is the last one, but not the end')
}

/** Stores what a user had; gives the row of the account, which the caller stores when all else is. */
export async function takeLines(
  place: PortablePlace,
  owner: JID,
  file: string,
): Promise<RowLine | undefined> {
  let account: RowLine | undefined
  const batch = new Batch(place, owner)
  for await (const line of readLines(file, owner)) {
    if ('table' in line && line.table === ACCOUNTS) account = line
    else await batch.add(line)
  }
  await batch.store()
  return account
}

/** Stores a row, whatever kind its table is of; one that has gone meanwhile is left out. */
export async function storeRow(place: PortablePlace, owner: JID, row: RowLine): Promise<void> {
  const write = writeOf(place, owner, row)
  if (write !== undefined) await place.storage.commit([write])
  else if (row.kind === 'cas')
    await place.storage.table<unknown>(row.table, 'cas').update(owner, row.key, () => row.item)
}

function writeOf({ storage, clock }: PortablePlace, owner: JID, row: RowLine): Write | undefined {
  const { table, kind, key, item, expires } = row
  if (kind === 'cas') return undefined
  if (kind === 'mark') {
    const { value, time } = item as { value: string; time: number }
    return storage.table(table, kind).raise(owner, key, { value: BigInt(value), time })
  }
  const ttl = expires === undefined ? undefined : expires - clock.now()
  return ttl !== undefined && ttl <= 0
    ? undefined
    : storage.table<unknown>(table, kind).put(owner, key, item, ttl)
}

/** What is gathered to be stored together. */
class Batch {
  readonly #place: PortablePlace
  readonly #owner: JID
  #writes: Write[] = []
  #archive = ''
  #items: MovedItem[] = []
  #size = 0

  constructor(place: PortablePlace, owner: JID) {
    this.#place = place
    this.#owner = owner
  }

  async add(line: RowLine | ItemLine): Promise<void> {
    if ('archive' in line) {
      if (line.archive !== this.#archive) await this.store()
      this.#archive = line.archive
      const item = itemOf(line)
      this.#items.push(item)
      this.#size += item.payload.byteLength
    } else {
      const write = writeOf(this.#place, this.#owner, line)
      if (write !== undefined) this.#writes.push(write)
      else await storeRow(this.#place, this.#owner, line)
      this.#size += JSON.stringify(line.item).length
    }
    if (this.#writes.length + this.#items.length >= BATCH.lines || this.#size >= BATCH.size)
      await this.store()
  }

  async store(): Promise<void> {
    const { storage }: { storage: Storage } = this.#place
    // Those who chat come first.
    await storage.pressure()
    await storage.commit(this.#writes)
    if (this.#items.length > 0) await storage.archive(this.#archive).restore(this.#owner, this.#items)
    this.#writes = []
    this.#items = []
    this.#size = 0
  }
}

function itemOf({ id, time, peer, sequence, unread, stanza, bytes }: ItemLine): MovedItem {
  const payload = stanza === undefined ? Buffer.from(bytes ?? '', 'base64') : Buffer.from(stanza)
  return { id: BigInt(id), time, peer: JID.parse(peer), payload, sequence, unread }
}

/** Whether a row is there with the same item. */
export async function holds(storage: Storage, owner: JID, row: RowLine): Promise<'same' | 'other' | 'none'> {
  const held = await readable(storage, row.table, row.kind).get(owner, row.key)
  if (held === undefined) return 'none'
  return JSON.stringify(plain(held)) === JSON.stringify(row.item) ? 'same' : 'other'
}

async function* split(file: string): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end))
      yield Buffer.concat(parts).toString()
      parts = []
      size = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > MOST_LINE_BYTES)
      throw new TidingsError('TIDINGS_IMPORT_FILE', `${file} has a line that is too long`)
  }
  // What has no end is no line: `readLines` finds that the last one is missing.
}

function parse(text: string, file: string, number: number): Line {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null) return line as Line
  } catch {
    // Told below, without the line: it may hold a key.
  }
  throw broken(file, number, 'is no JSON object')
}

function broken(file: string, number: number, what: string): TidingsError {
  return new TidingsError('TIDINGS_IMPORT_FILE', `${file}: line ${number} ${what}`)
}
