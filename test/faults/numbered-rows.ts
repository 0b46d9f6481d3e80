/** The rows that the durability test commits and looks for. */
import type { Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')

/** The body of row `n`: of a size that depends on it, some KB at times, so that checkpoints happen. */
export function bodyOf(n: number, seed: number): string {
  const size = ((n * 7919 + seed * 104_729) % 97) ** 2
  return `row ${n} ${'.'.repeat(size)}`
}

/** What is stored of the rows. */
export interface Found {
  readonly rows: ReadonlySet<number>
  /** Rows of which a part is missing or wrong. */
  readonly broken: readonly number[]
  /** Rows whose numbers leave a gap or come twice. */
  readonly miscounted: readonly number[]
}

/** Reads everything. */
export async function findRows(storage: Storage): Promise<Found> {
  const rows = new Map<number, string>()
  const table = storage.table<{ n: number; body: string }>('rows', 'lww')
  for (let after: string | undefined, more = true; more; ) {
    const page = await table.page(alice, after === undefined ? {} : { after }, 1000)
    for (const { item } of page.items) rows.set(item.n, item.body)
    after = page.items.at(-1)?.key
    more = page.more
  }
  const found = await Promise.all([alice, bob].map(owner => archived(storage, owner)))
  const archives = found.map(({ items }) => items)
  const all = new Set([...rows.keys(), ...archives.flatMap(archive => [...archive.keys()])])
  const whole = (n: number) => rows.has(n) && archives.every(archive => archive.get(n) === rows.get(n))
  return {
    rows: new Set(rows.keys()),
    broken: [...all].filter(n => !whole(n)),
    miscounted: found.flatMap(({ miscounted }) => miscounted),
  }
}

async function archived(storage: Storage, owner: JID) {
  const found = new Map<number, string>()
  const miscounted: number[] = []
  let count = 0
  for (let after = 0n, more = true; more; ) {
    const page = await storage.archive('mam').page(owner, { after, limit: 1000 })
    for (const { id, payload, sequence, unread } of page.items) {
      const body = Buffer.from(payload).toString()
      const n = Number(body.split(' ')[1])
      // An item twice (in the index and in the tail) is as wrong as a missing one.
      found.set(n, found.has(n) ? 'twice' : body)
      count++
      if (sequence !== count || unread !== (owner === bob ? count : 0)) miscounted.push(n)
      after = id
    }
    more = page.more
  }
  return { items: found, miscounted }
}
