/**
 * A full disk and I/O errors at every call that a commit, a checkpoint or the index makes: what could not be stored is refused with the
 * right code and is not there; what was acknowledged stays, also after a power cut; when the disk is well again, so is the storage.
 */
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Trial } from './disk-errors.ts'
import { DiskImage, STRICT } from './disk-image.ts'
import { compile, start, whyNot } from './preload.ts'

const CODES: Readonly<Record<string, string>> = { full: 'full', write: 'unavailable', sync: 'unavailable' }

t.setTimeout(150_000)

t.test('the disk fails', { skip: whyNot(), timeout: 120_000 }, async t => {
  const folder = t.testdir({ control: Buffer.alloc(16) })
  const root = join(folder, 'root')
  const journal = join(folder, 'journal')
  const control = join(folder, 'control')
  mkdirSync(root)
  writeFileSync(control, Buffer.alloc(16))
  const watch = { library: compile(folder), root, journal, control }
  const child = start('disk-errors-child.ts', [join(root, 'data'), control], watch)
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.endsWith('done\n')) child.kill('SIGKILL')
  })
  await once(child, 'close')
  const lines = text.split('\n')
  t.equal(lines.at(-2), 'done')
  const trials = lines.slice(0, -2).map(line => JSON.parse(line) as Trial)
  for (const trial of trials) checkTrial(t, trial)
  t.ok(
    trials.some(({ rows, failed }) => failed > 0 && rows.every(({ outcome }) => outcome === 'stored')),
    'some hit the background',
  )
  t.ok(
    trials.some(({ problems }) => problems.includes('full')),
    'which says so',
  )
  t.ok(trials.some(({ problems }) => problems.includes('unavailable')))

  const disk = join(folder, 'disk')
  new DiskImage(root, folder, readFileSync(journal)).writeTo(disk, STRICT)
  await checkDisk(t, join(disk, 'data'), trials)
})

function checkTrial(t: Test, { name, fault, failed, rows, next, problems }: Trial): void {
  for (const { n, outcome, seen } of rows) {
    t.ok(outcome === 'stored' || (outcome === CODES[fault] && failed > 0), `${name}: ${n} ${outcome}`)
    t.equal(seen, outcome === 'stored', `${name}: ${n} is ${seen ? '' : 'not '}seen`)
  }
  t.equal(next.outcome, 'stored', `${name}: well again`)
  for (const problem of problems) t.equal(problem, CODES[fault])
}

async function checkDisk(t: Test, folder: string, trials: readonly Trial[]): Promise<void> {
  const storage = await openSqlite({ folder })
  const table = storage.table<string>('rows', 'lww')
  for (const owner of ['alice@example.org', 'bob@example.org']) {
    const archived = new Set<number>()
    for (let after = 0n, more = true; more; ) {
      const page = await storage.archive('mam').page(JID.parse(owner), { after, limit: 1000 })
      for (const { payload } of page.items) archived.add(Number(Buffer.from(payload)))
      after = page.items.at(-1)?.id ?? after
      more = page.more
    }
    for (const { name, rows, next } of trials)
      for (const { n, outcome } of [...rows, next])
        t.equal(archived.has(n), outcome === 'stored', `${name}: ${n} of ${owner}`)
  }
  for (const { name, rows, next } of trials)
    for (const { n, outcome } of [...rows, next]) {
      const item = await table.get(JID.parse('alice@example.org'), String(n))
      t.equal(item !== undefined, outcome === 'stored', `${name}: ${n} after a power cut`)
    }
  await storage.close()
}
