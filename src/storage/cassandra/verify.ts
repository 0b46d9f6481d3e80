import type { Archives } from './archives.ts'
import type { Connection } from './connection.ts'
import type { Kinds } from './kinds.ts'
import type { Bucket } from './owner-archive.ts'
import { archiveEntry, type Owners } from './owners.ts'

/** More findings than anybody reads. */
const MOST = 100

const ITEMS = 'SELECT id, time, counted, sequence FROM items WHERE archive = ? AND owner = ? AND bucket = ?'

/** Looks through all archives for what must not be: a line for each finding. Cassandra itself checks its files as it reads them. */
export async function findDamage(
  connection: Connection,
  kinds: Kinds,
  owners: Owners,
  archives: Archives,
): Promise<readonly string[]> {
  const findings: string[] = []
  for (const archive of await kinds.names('archive'))
    for await (const owner of owners.all(archiveEntry(archive))) {
      const buckets = await archives.buckets(archive, owner)
      findings.push(...(await damageOf(connection, archive, owner, buckets)))
      if (findings.length >= MOST) return findings
    }
  return findings
}

/** The archive of one owner: items are in the bucket they belong to, times never go back, no number comes twice. */
async function damageOf(
  connection: Connection,
  archive: string,
  owner: string,
  buckets: readonly Bucket[],
): Promise<string[]> {
  const findings = new Set<string>()
  const numbers = new Map<string, bigint>()
  let time = 0n
  for (const [n, { first }] of buckets.entries()) {
    const end = buckets[n + 1]?.first
    for (const row of await connection.all(ITEMS, [archive, owner, first])) {
      const id = row.id as bigint
      const at = `archive ${archive} of ${owner}, item ${id}: `
      if (end !== undefined && id >= end) findings.add(`${at}it belongs to a later bucket`)
      if ((row.time as bigint) < time) findings.add(`${at}its time is before that of the item before`)
      const name = row.counted as string
      if ((row.sequence as bigint) <= (numbers.get(name) ?? 0n))
        findings.add(`${at}its number was given before`)
      numbers.set(name, row.sequence as bigint)
      time = row.time as bigint
    }
  }
  return [...findings]
}
