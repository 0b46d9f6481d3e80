/**
 * What `commit` resolved outlives a power cut (ARCHITECTURE §10): a process commits numbered rows and is killed at any moment;
 * the disk is rebuilt with nothing, or any part, of what was not synced; each acknowledged row must be there.
 * Storages with a mistake must be caught by the same test. `TIDINGS_FULL=1` runs many more rounds.
 */
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { DiskImage, type Luck, randomLuck, STRICT } from './disk-image.ts'
import { findRows } from './numbered-rows.ts'
import { compile, type Mutation, mutate, start, type Watched, whyNot } from './preload.ts'

const FULL = process.env.TIDINGS_FULL === '1'
const ROUNDS = FULL ? 60 : 5
/** A mistake is caught in the first or second round, nearly always; it has this many. */
const MUTANT_ROUNDS = 20
/** With syncs that take their time most kills hit a commit on its way. */
const SYNC_US = 1000
/** Rounds until the rows are too many to be looked at so often. */
const SCENE_ROUNDS = 10
const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

t.jobs = 1
// A machine that is busy with other things may be slow.
t.setTimeout(120_000 + ROUNDS * 10_000)
const skip = whyNot()

/** One place where a process writes and is killed, again and again. */
interface Scene {
  readonly folder: string
  readonly library: string
  readonly sources: string
  /** All rows acknowledged so far. */
  readonly acknowledged: Set<number>
  next: number
}

/** Why the disk after a power cut is not what it should be. */
type Complaint = string
const NOTHING: Complaint = 'nothing was acknowledged'

t.test(
  'what was acknowledged is there after a power cut',
  { skip, timeout: 60_000 + ROUNDS * 10_000 },
  async t => {
    let scene = setUp(t, SOURCES)
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0 && round % SCENE_ROUNDS === 0) scene = setUp(t, SOURCES)
      const complaints = await cutPower(scene, round)
      t.same(complaints, [], `round ${round}: ${scene.acknowledged.size} rows acknowledged so far`)
      if (complaints.length > 0) return
    }
  },
)

/** `restarts`: it shows only in a process that goes on from where another one was killed. */
const MUTANTS: Readonly<Record<string, Mutation & { readonly restarts?: true }>> = {
  'synchronous=OFF': {
    file: 'sqlite/open.ts',
    find: "synchronous = 'full'",
    replace: "synchronous = 'off'",
  },
  'synchronous=NORMAL': {
    file: 'sqlite/open.ts',
    find: "synchronous = 'full'",
    replace: "synchronous = 'normal'",
  },
  'commit resolves when the group is sent': {
    file: 'sqlite/commit-queue.ts',
    find: 'this.#sent = group\n',
    replace:
      'setImmediate(() => this.onGroup(group.map(() => ({ given: [], repeated: false, swapped: true }))))\n    this.#sent = group\n',
  },
  'commit resolves before the transaction ends': {
    file: 'sqlite/writer.ts',
    find: "if (message.kind === 'group') tell({ kind: 'group', outcomes: packOutcomes(writer.write(message)) })",
    replace: `if (message.kind === 'group') {
      tell({ kind: 'group', outcomes: packOutcomes(Array.from({ length: 1000 }, () => ({ given: [], repeated: false, swapped: true }))) })
      writer.write(message)
    }`,
  },
  'the name of the new folder is not synced': {
    file: 'sqlite/database.ts',
    find: 'syncFolder(dirname(child))',
    replace: 'continue',
  },
  'after a crash the counts go on from the index, not from the log': {
    file: 'sqlite/write-behind.ts',
    find: 'tail.add(entry)\n          this.counters.restore(entry)',
    replace: 'tail.add(entry)',
    restarts: true,
  },
  'after a crash keys that were not indexed are forgotten': {
    file: 'sqlite/write-behind.ts',
    find: 'this.keys.add(entry)',
    replace: '',
    restarts: true,
  },
}

t.test('a copy without a mistake is as good', { skip, timeout: 60_000 }, async t => {
  const scene = setUp(t, mutate(join(t.testdir(), 'copy'), []))
  for (const round of [0, 4]) t.same(await cutPower(scene, round), [])
})

for (const [name, mutation] of Object.entries(MUTANTS))
  t.test(`caught: ${name}`, { skip, timeout: 60_000 }, async t => {
    const caught: Complaint[] = []
    for (let round = 0; round < MUTANT_ROUNDS && caught.length === 0; round++) {
      const scene = setUp(t, mutate(join(t.testdir(), 'mutant'), [mutation]))
      caught.push(...(await cutPower(scene, 0)))
      if (mutation.restarts) caught.push(...(await cutPower(scene, 4)))
    }
    t.not(caught.length, 0, caught.join(', '))
    t.notOk(caught.includes(NOTHING), 'it is caught for what it does, and not since it does not run')
  })

function setUp(t: Test, sources: string): Scene {
  const folder = join(t.testdirName, 'scene')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'root'), { recursive: true })
  return { folder, library: compile(folder), sources, acknowledged: new Set(), next: 0 }
}

/** Lets a process write, kills it, and looks at what disks would hold. The strictest of them is where the next round begins. */
async function cutPower(scene: Scene, round: number): Promise<Complaint[]> {
  const root = join(scene.folder, 'root')
  const base = join(scene.folder, 'base')
  const journal = join(scene.folder, 'journal')
  rmSync(base, { recursive: true, force: true })
  cpSync(root, base, { recursive: true })
  const args = [scene.sources, join(root, 'data'), String(scene.next), String(round)]
  const child = start('durability-child.ts', args, {
    library: scene.library,
    root,
    journal,
    syncTime: SYNC_US,
  })
  // Rounds of different length: the kill hits the opening, the first commits, checkpoints, the index ...
  const lines = await killAfter(child, [30, 400, 3, 1500, 120][round % 5]!)
  const acknowledged = lines.map(Number).filter(n => !Number.isNaN(n))
  for (const n of acknowledged) scene.acknowledged.add(n)
  scene.next = Math.max(scene.next, ...acknowledged) + 100

  const image = new DiskImage(root, base, readFileSync(journal))
  const complaints: Complaint[] = []
  if (acknowledged.length === 0) complaints.push(NOTHING)
  complaints.push(...lines.filter(line => Number.isNaN(Number(line))))
  for (const seed of [1, 2, 3])
    complaints.push(...(await look(scene, image, randomLuck(round * 3 + seed), `disk ${seed}`)))
  complaints.push(...(await look(scene, image, STRICT, 'strict disk')))
  rmSync(root, { recursive: true })
  image.writeTo(root, STRICT)
  return complaints
}

/** Reads what the process says and kills it when it is this much, without letting it know. */
async function killAfter(child: Watched, count: number): Promise<string[]> {
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.split('\n').length > count + 1) child.kill('SIGKILL')
  })
  await once(child, 'close')
  // What was printed before the kill counts, however much it is. The last line may be cut short.
  return text
    .split('\n')
    .slice(0, -1)
    .filter(line => line !== 'open')
}

/** Opens a disk and compares. */
async function look(scene: Scene, image: DiskImage, luck: Luck, name: string): Promise<Complaint[]> {
  const place = join(scene.folder, 'look')
  rmSync(place, { recursive: true, force: true })
  image.writeTo(place, luck)
  const folder = join(place, 'data')
  const storage = await openSqlite({ folder }).catch((error: unknown) => String(error))
  if (typeof storage === 'string') return [`${name}: ${storage}`]
  const { rows, broken, miscounted } = await findRows(storage)
  await storage.close()
  const lost = [...scene.acknowledged].filter(n => !rows.has(n))
  const complaints: Complaint[] = []
  if (lost.length > 0)
    complaints.push(`${name}: ${lost.length} acknowledged rows lost, of ${scene.acknowledged.size}`)
  if (broken.length > 0) complaints.push(`${name}: ${broken.length} rows broken, ${broken[0]} for one`)
  if (miscounted.length > 0)
    complaints.push(`${name}: ${miscounted.length} rows miscounted, ${miscounted[0]} for one`)
  const db = new DatabaseSync(join(folder, 'tidings.db'), { readOnly: true })
  const check = db.prepare('PRAGMA integrity_check').get()?.integrity_check
  db.close()
  if (check !== 'ok') complaints.push(`${name}: ${check}`)
  return complaints
}
