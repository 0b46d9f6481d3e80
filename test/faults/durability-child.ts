/**
 * Commits numbered rows, many at a time, and prints the number of each as soon as it is acknowledged. Runs until it is killed.
 * Arguments: the folder of the sources, the folder of the data, the first number, a seed.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { openSqlite as OpenSqlite } from '../../src/storage/sqlite/open.ts'
import type { JID as JIDClass } from '../../src/xml/jid.ts'
import { bodyOf } from './numbered-rows.ts'
import { say } from './say.ts'

const [sources, folder, first, seed] = process.argv.slice(2) as [string, string, string, string]
const load = (file: string) => import(pathToFileURL(join(sources, file)).href)
const { openSqlite } = (await load('storage/sqlite/open.ts')) as { openSqlite: typeof OpenSqlite }
const { JID } = (await load('xml/jid.ts')) as { JID: typeof JIDClass }

const LANES = 12
/** Numbers before the first one that are sent again; the last hundred are a gap between processes. */
const RESENT = 160
const storage = await openSqlite({ folder })
const table = storage.table<{ n: number; body: string }>('rows', 'lww')
const archive = storage.archive('mam')
const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
let next = Number(first)

async function lane(): Promise<void> {
  for (;;) {
    const n = next++
    const body = bodyOf(n, Number(seed))
    const payload = Buffer.from(body)
    const writes = [
      archive.append(alice, { peer: bob, payload, unique: { key: String(n) } }),
      archive.append(bob, { peer: alice, payload, unread: true }),
    ]
    await storage.commit([table.put(alice, String(n), { n, body }), ...writes])
    say(String(n))
    // Indexing, reading and checkpoints go on all the while.
    if (n % 97 === 0) await storage.settled()
    if (n % 31 === 0) await table.get(alice, String(n))
  }
}

/** Sends again what an earlier process has stored, as a client does whose stream broke. */
async function resend(n: number): Promise<void> {
  if ((await table.get(alice, String(n))) === undefined) return
  const again = archive.append(alice, {
    peer: bob,
    payload: Buffer.from('again'),
    unique: { key: String(n) },
  })
  await storage.commit([again])
  if (!again.repeated) say(`stored twice: ${n}`)
}

say('open')
for (let n = Math.max(0, next - RESENT); n < next; n++) await resend(n)
await Promise.all(Array.from({ length: LANES }, lane))
