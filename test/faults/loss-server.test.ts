/**
 * Messages that never get lost, though the server is killed at any moment under load, and with it everything that was not synced to disk
 * (power-cut.c): whatever its sender has an acknowledgement for (XEP-0198) is there after the restart. Servers with a mistake must be
 * caught by the same test. `TIDINGS_FULL=1` runs 100 rounds.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { CountingClient } from '../support/counting-client.ts'
import { ServerProcess } from '../support/server-process.ts'
import { DiskImage, randomLuck, STRICT } from './disk-image.ts'
import { count, describe, type Losses } from './loss-count.ts'
import { compile, type Mutation, watchedEnvironment, whyNot } from './preload.ts'
import { mutateProgram } from './programs.ts'

const ROUNDS = process.env.TIDINGS_FULL === '1' ? 100 : 3
/** A mistake is caught in the first round, nearly always; it has this many. */
const MUTANT_ROUNDS = 8
/** With syncs that take their time most kills hit a commit on its way. */
const SYNC_US = 2_000
/** Messages without an acknowledgement while a round goes on. */
const OPEN = 40
/** Most messages of a round that are acknowledged before the kill; fewer than may be kept for one user. */
const MOST = 300
const AFTERWARDS = 5
const PASSWORD = 'secret'
/** Options that bin/tidings.js would start Node anew for, under the library a second time. */
const NODE = ['--max-semi-space-size=4']

t.jobs = 1
t.setTimeout(120_000 + ROUNDS * 15_000)
const skip = whyNot()

const listener = { address: '127.0.0.1', port: 0 }
const CONFIG = {
  listeners: { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': listener, http: listener, metrics: false },
}

/** One server that is killed again and again. */
interface Scene {
  readonly server: ServerProcess
  readonly folder: string
  readonly library: string
  /** The program to be tested. */
  readonly entry: string | undefined
}

async function setUp(t: Test, mutations: readonly Mutation[] = []): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-loss-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const accounts = ['alice', 'bob'].map(name => [`${name}@localhost`, PASSWORD] as const)
  const server = await ServerProcess.start({ accounts, config: CONFIG })
  t.teardown(() => server.stop())
  await server.end('SIGTERM')
  const entry = mutations.length === 0 ? undefined : mutateProgram(join(folder, 'program'), mutations)
  return { server, folder, library: compile(folder), entry }
}

interface Round extends Losses {
  /** Messages that had no acknowledgement when the server was killed. */
  readonly open: number
}

/** Kills the server while Bob writes to Alice, who is away; then both come. */
async function killOnce(t: Test, scene: Scene, round: number): Promise<Round> {
  const { server } = scene
  const client = (user: string): CountingClient => {
    const made = new CountingClient({ port: () => server.ports.tcp, user, password: PASSWORD, resource: 'r' })
    t.teardown(() => made.drop())
    return made
  }
  const bob = client('bob')
  const sent: string[] = []
  const write = (): void => {
    sent.push(`${round}-${sent.length}`)
    bob.send('alice@localhost', sent.at(-1)!)
  }
  const load = async (): Promise<void> => {
    while (bob.connected) {
      while (bob.open < OPEN) write()
      await bob.until(() => bob.open < OPEN || !bob.connected)
    }
  }
  const target = Math.ceil(Math.random() * MOST)
  let loading: Promise<void> | undefined
  // ARCHIVE: once messages are archived, Alice may as well be there, and fetch what she lacks.
  await underWatch(scene, round, async () => {
    await bob.connect('anew')
    loading = load()
    await bob.until(() => bob.acknowledged.size >= target)
    await sleep(Math.random() * 10)
  })
  await loading
  bob.drop()
  const open = bob.open
  await server.restart()
  const alice = client('alice')
  await alice.connect('anew')
  const acknowledged = [...bob.acknowledged]
  await alice.until(() => acknowledged.every(id => alice.received.includes(id)), 5_000).catch(() => {})
  await bob.connect('anew')
  for (let i = 0; i < AFTERWARDS; i++) write()
  await bob.allAcknowledged()
  await alice.until(() => alice.received.includes(sent.at(-1)!), 5_000).catch(() => {})
  await alice.close()
  await bob.close()
  await server.end('SIGTERM')
  return { ...count(sent, bob.acknowledged, alice.received), open }
}

/** Runs the server, kills it after `load`, and leaves what a disk would hold. */
async function underWatch(scene: Scene, round: number, load: () => Promise<void>): Promise<void> {
  const { server, folder, library, entry } = scene
  const root = server.data
  const base = join(folder, 'base')
  const journal = join(folder, 'journal')
  rmSync(base, { recursive: true, force: true })
  cpSync(root, base, { recursive: true })
  const env = watchedEnvironment({ library, root, journal, syncTime: SYNC_US })
  await server.restart({ env, node: NODE, ...(entry !== undefined && { entry }) })
  await load()
  await server.end('SIGKILL')
  const image = new DiskImage(root, base, readFileSync(journal))
  rmSync(root, { recursive: true })
  mkdirSync(root, { mode: 0o700 })
  image.writeTo(root, round % 2 === 0 ? STRICT : randomLuck(round))
}

t.test('what was acknowledged is there after the server was killed', { skip }, async t => {
  const scene = await setUp(t)
  const total = { missing: 0, visible: 0, raw: 0, order: 0, open: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const losses = await killOnce(t, scene, round)
    for (const key of Object.keys(total) as (keyof Round)[]) total[key] += losses[key]
    t.equal(losses.missing, 0, `round ${round}: nothing is missing`)
    t.equal(losses.order, 0, `round ${round}: all in order`)
    // Bob could not know whether they had arrived, and has sent all again.
    t.equal(losses.raw, 0, `round ${round}: none twice, of ${losses.open} sent again`)
  }
  t.comment(`${ROUNDS} rounds: ${describe(total)}, of ${total.open} sent again`)
})

const MUTANTS: Readonly<Record<string, Mutation>> = {
  'acknowledged before the commit': {
    file: 'c2s/session.ts',
    find: 'const settled = this.#handle!.submit(stanza)\n',
    replace: 'const settled = void this.#handle!.submit(stanza)\n',
  },
  'synchronous=OFF': {
    file: 'storage/sqlite/open.ts',
    find: "synchronous = 'full'",
    replace: "synchronous = 'off'",
  },
}

for (const [name, mutation] of Object.entries(MUTANTS))
  t.test(`caught: ${name}`, { skip }, async t => {
    let missing = 0
    for (let round = 0; round < MUTANT_ROUNDS && missing === 0; round++) {
      // What a disk without half of its writes holds is no place to go on from.
      const scene = await setUp(t, [mutation])
      missing = (await killOnce(t, scene, 2 * round)).missing
    }
    t.not(missing, 0, `${missing} missing`)
  })
