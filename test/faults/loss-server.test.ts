/**
 * Messages that never get lost, though the server is killed at any moment under load, and with it everything that was not synced to disk
 * (power-cut.c): whatever its sender has an acknowledgement for (XEP-0198) is there after the restart. Servers with a mistake must be
 * caught by the same test. `TIDINGS_FULL=1` runs 100 rounds, `TIDINGS_ROUNDS`
 * so many.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { CountingClient } from '../support/counting-client.ts'
import { ServerProcess } from '../support/server-process.ts'
import { DiskImage, randomLuck, STRICT } from './disk-image.ts'
import { count, describe, type Losses } from './loss-count.ts'
import { compile, type Mutation, watchedEnvironment, whyNot } from './preload.ts'
import { mutateProgram } from './programs.ts'

const ROUNDS = Number(process.env.TIDINGS_ROUNDS ?? (process.env.TIDINGS_FULL === '1' ? 100 : 4))
/** A mistake is caught in the first round, nearly always; it has this many. */
const MUTANT_ROUNDS = 8
/** With syncs that take their time most kills hit a commit on its way. */
const SYNC_US = 2_000
/** Messages without an acknowledgement while a round goes on. */
const OPEN = 40
/** Most messages of a round that are acknowledged before the kill; fewer than may be kept for one user. */
const MOST = 300
const AFTERWARDS = 5
/** After so long, ms, it is stored how much of what Bob sends has been handled. */
const COUNTED = 1_200
const PASSWORD = 'secret'
/** Options that bin/tidings.js would start Node anew for, under the library a second time. */
const NODE = packageJson.scripts.start.split(' ').filter(word => word.startsWith('--'))

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
  /** How many stanzas of Bob had been handled, as the server says when he wants to resume his session. */
  readonly handled: number
}

/** What a round is like. */
interface Kind {
  /** Alice is there, and fetches from her archive what she lacks when she returns; else she comes when all is over. */
  readonly online: boolean
  /** Bob tries to resume his session. */
  readonly resumes: boolean
  /** Bob's messages have ids of their own (XEP-0359). */
  readonly ids: boolean
}

const KINDS: readonly Kind[] = [
  { online: false, resumes: false, ids: true },
  { online: true, resumes: true, ids: true },
  { online: false, resumes: false, ids: false },
  { online: true, resumes: true, ids: false },
]

/** Kills the server while Bob writes to Alice; then both come again. */
async function killOnce(t: Test, scene: Scene, round: number): Promise<Round> {
  const { server } = scene
  const { online, resumes, ids } = KINDS[round % KINDS.length]!
  const client = (user: string): CountingClient => {
    const made = new CountingClient({ port: () => server.ports.tcp, user, password: PASSWORD, resource: 'r' })
    t.teardown(() => made.drop())
    return made
  }
  const bob = client('bob')
  const sent: string[] = []
  const write = (): void => {
    sent.push(`${round}-${sent.length}`)
    bob.send('alice@localhost', sent.at(-1)!, ids)
  }
  const load = async (): Promise<void> => {
    while (bob.connected) {
      while (bob.open < OPEN) write()
      await bob.until(() => bob.open < OPEN || !bob.connected)
    }
  }
  const target = Math.ceil(Math.random() * MOST)
  let loading: Promise<void> | undefined
  const alice = client('alice')
  await underWatch(scene, round, async () => {
    if (online) await alice.connect('fetch')
    await bob.connect('anew')
    const began = performance.now()
    loading = load()
    await bob.until(() => bob.acknowledged.size >= target)
    if (resumes) await sleep(Math.max(COUNTED - (performance.now() - began), 0))
    await sleep(Math.random() * 10)
  })
  await loading
  for (const one of [alice, bob]) one.drop()
  const open = bob.open
  await server.restart(scene.entry === undefined ? {} : { entry: scene.entry })
  await alice.connect(online ? 'fetch' : 'anew')
  const has = (wanted: readonly string[]): boolean => {
    const had = new Set(alice.received)
    return wanted.every(id => had.has(id))
  }
  const acknowledged = [...bob.acknowledged]
  await alice.until(() => has(acknowledged), 5_000).catch(() => {})
  await bob.connect(resumes ? 'resume' : 'anew')
  for (let i = 0; i < AFTERWARDS; i++) write()
  await bob.allAcknowledged()
  await alice.until(() => has(sent.slice(-1)), 5_000).catch(() => {})
  await alice.close()
  await bob.close()
  await server.end('SIGTERM')
  const ofRound = (all: readonly string[]): string[] => all.filter(id => id.startsWith(`${round}-`))
  const { received, shown } = alice
  const losses = count(sent, bob.acknowledged, ofRound(received), ofRound(online ? shown.ids : received))
  return { ...losses, open, handled: bob.handledBefore ?? 0 }
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
  const total = { missing: 0, visible: 0, raw: 0, order: 0, open: 0, handled: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const losses = await killOnce(t, scene, round)
    for (const key of Object.keys(total) as (keyof Round)[]) total[key] += losses[key]
    t.equal(losses.missing, 0, `round ${round}: nothing is missing`)
    t.equal(losses.order, 0, `round ${round}: all in order`)
    // Bob could not know whether they had arrived, and has sent all again, or what the server did not say that it had.
    t.equal(
      losses.visible,
      0,
      `round ${round}: none is seen twice, of ${losses.open} without an acknowledgement`,
    )
    const { online, resumes } = KINDS[round % KINDS.length]!
    if (!online) t.equal(losses.raw, 0, `round ${round}: none comes twice`)
    if (resumes) t.not(losses.handled, 0, `round ${round}: the server knows that it had ${losses.handled}`)
  }
  t.comment(`${ROUNDS} rounds: ${describe(total)}, of ${total.open} without an acknowledgement`)
})

/** A mistake, the kind of round in which it shows, and what shows it. */
interface Mutant extends Mutation {
  readonly kind: number
  readonly shows: 'missing' | 'visible'
}

const MUTANTS: Readonly<Record<string, Mutant>> = {
  'acknowledged before the commit': {
    file: 'c2s/session.ts',
    find: 'const settled = this.#handle!.submit(stanza)\n',
    replace: 'const settled = void this.#handle!.submit(stanza)\n',
    kind: 0,
    shows: 'missing',
  },
  'synchronous=OFF': {
    file: 'storage/sqlite/open.ts',
    find: "synchronous = 'full'",
    replace: "synchronous = 'off'",
    kind: 0,
    shows: 'missing',
  },
  'more counted than was handled': {
    file: 'core/handled.ts',
    find: 'put(account, id, h, ttl)',
    replace: 'put(account, id, h + 1_000_000, ttl)',
    kind: 1,
    shows: 'missing',
  },
  'what streams had carried is not looked for': {
    file: 'core/recollection.ts',
    find: 'if (seen === undefined) return\n',
    replace: 'if (seen !== 0) return\n',
    kind: 2,
    shows: 'visible',
  },
}

for (const [name, mutant] of Object.entries(MUTANTS))
  t.test(`caught: ${name}`, { skip }, async t => {
    let caught = 0
    for (let round = 0; round < MUTANT_ROUNDS && caught === 0; round++) {
      // What a disk without half of its writes holds is no place to go on from.
      const scene = await setUp(t, [mutant])
      caught = (await killOnce(t, scene, KINDS.length * round + mutant.kind))[mutant.shows]
    }
    t.not(caught, 0, `${mutant.shows}: ${caught}`)
  })
