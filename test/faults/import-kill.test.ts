/**
 * `kill -9` of an import, again and again, and of the server that takes one in: started again it goes on, whoever has an account is whole, and in the
 * end everything is as it was exported. XEP-0227 §4.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { systemClock } from '../../src/core/clock.ts'
import { ArchiveIds } from '../../src/core/ids.ts'
import { extensions } from '../../src/extensions/index.ts'
import { exportTo } from '../../src/operations/portable/export.ts'
import { linesOf } from '../../src/operations/portable/lines.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import type { Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { configured, serve, start, tidings } from '../support/tidings.ts'

const HOST = 'localhost'
const USERS = Array.from({ length: 12 }, (_, n) => JID.parse(`user${n}@${HOST}`))
const MESSAGES = 600
/** Each import is killed so much later than the one before it, counted from when it stores something, ms. */
const LATER = 50

/** All that a storage has of a user, as text. */
async function everythingOf(storage: Storage, user: JID): Promise<string> {
  const lines: string[] = []
  for await (const line of linesOf(storage, user)) lines.push(line)
  return lines.join('\n')
}

/** An export of users with archives, and what it holds by user. */
async function exported(folder: string): Promise<ReadonlyMap<JID, string>> {
  const storage = memoryStorage({ clock: systemClock })
  const accounts = new Accounts(storage, { iterations: 4_096 })
  const keys = await accounts.deriveKeys('secret')
  await new ArchiveIds(storage, JID.of('', HOST)).ready()
  const archive = storage.archive('messages')
  for (const [n, user] of USERS.entries()) {
    await accounts.add(user, keys)
    const peer = USERS[(n + 1) % USERS.length]!.withResource('phone')
    const payload = (m: number) =>
      Buffer.from(`<message xmlns="jabber:client" from="${peer}"><body>${n} ${m}</body></message>`)
    const appends = Array.from({ length: MESSAGES }, (_, m) =>
      archive.append(user, { peer, payload: payload(m) }),
    )
    await storage.commit([...appends, storage.table('blocking', 'lww').put(user, 'spam.example', true)])
  }
  const portables = extensions.flatMap(({ portable = [] }) => portable)
  const premises = { storage, clock: systemClock, accounts, hosts: [HOST], portables, running: false }
  await exportTo(folder, 'test', premises, { progress: async () => {}, notice: async () => {} })
  return new Map(
    await Promise.all(USERS.map(async user => [user, await everythingOf(storage, user)] as const)),
  )
}

/** Resolves when something is stored after a point in time (ms since 1970), or when there is nothing to wait for any more. */
async function stored(data: string, since: number, ended: Promise<unknown>): Promise<void> {
  let over = false
  const end = (): void => {
    over = true
  }
  ended.then(end, end)
  const written = async (): Promise<number> =>
    (await stat(join(data, 'tidings.db-wal')).catch(() => undefined))?.mtimeMs ?? 0
  while (!over && (await written()) <= since) await sleep(5)
}

/** How many users have an account in a folder of data; all of them must be whole. */
async function whole(t: Test, data: string, wanted: ReadonlyMap<JID, string>): Promise<number> {
  const storage = await openSqlite({ folder: data, clock: systemClock })
  try {
    const accounts = new Accounts(storage)
    let count = 0
    for (const [user, lines] of wanted) {
      if (!(await accounts.exists(user))) continue
      count++
      if ((await everythingOf(storage, user)) !== lines) t.fail(`${user} has an account and is not whole`)
    }
    return count
  } finally {
    await storage.close()
  }
}

t.test('without a server', async t => {
  const { config, folder, data } = await configured(t)
  const from = join(folder, 'users')
  const wanted = await exported(from)
  const counts: number[] = []
  for (let kills = 0; counts.at(-1) !== USERS.length; kills++) {
    const since = Date.now()
    const { child, ended } = start(['import', from, '--config', config])
    await stored(data, since, ended)
    await Promise.race([ended, sleep(kills * LATER)])
    child.kill('SIGKILL')
    await ended
    counts.push(await whole(t, data, wanted))
  }
  t.comment(`users with an account after each: ${counts.join(' ')}`)
  t.ok(counts.length > 1 && counts.every((count, i) => count >= (counts[i - 1] ?? 0)))
  t.match(await tidings(['import', from, '--config', config]), {
    code: 0,
    out: `0 users imported, ${USERS.length} have accounts already.\n`,
  })
})

t.test('into a server that is killed meanwhile', async t => {
  const { config, folder, data } = await configured(t)
  const from = join(folder, 'users')
  const wanted = await exported(from)
  const server = await serve(t, config)
  const since = Date.now()
  const broken = start(['import', from, '--config', config])
  await stored(data, since, broken.ended)
  await Promise.race([broken.ended, sleep(LATER)])
  server.child.kill('SIGKILL')
  await server.ended
  const { code, err } = await broken.ended
  if (code !== 0) t.match(err, /\[TIDINGS_\w+\]\n$/, 'it is told')
  const second = await serve(t, config)
  t.match(await tidings(['import', from, '--config', config]), { code: 0, out: /users imported/ })
  second.child.kill('SIGTERM')
  await second.ended
  t.equal(await whole(t, data, wanted), USERS.length)
})
