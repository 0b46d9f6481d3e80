/**
 * Plays every dialogue of test/dialogues: embedded, on two nodes over the in-memory cluster, also while homes move between them, and, with TIDINGS_FULL=1, on SQLite,
 * by two workers and on two nodes over real Redis and Cassandra.
 * DIALOGUES=0199 plays only those whose name has that text, MODE=workers only in that way.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { withoutCassandra } from './support/cassandra.ts'
import { DialogueError } from './support/dialogue/failure.ts'
import { onOtherHosts } from './support/dialogue/other-hosts.ts'
import { DEFAULT_PASSWORD, parseDialogue } from './support/dialogue/parse.ts'
import { runDialogue } from './support/dialogue/run.ts'
import type { Over } from './support/dialogue/transport.ts'
import type { Dialogue } from './support/dialogue/types.ts'
import { workerGround } from './support/ground.ts'
import { standingCluster } from './support/standing-cluster.ts'
import {
  type TestAccount,
  TestServer,
  type TestServerOptions,
  testCertificates,
} from './support/test-server.ts'

const FOLDER = join(import.meta.dirname, 'dialogues')
/** Says which homes move when; SEED=... plays another way. */
const SEED = Number(process.env.SEED ?? 1)
const MOVING = 'two nodes, moving'
const CLUSTER = 'cluster'
/** What is not played in a mode, and why. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  // What a former home knew and the next one does not: docs/decisions/0022.
  [MOVING]: [
    // An id of a command that has ended can't be told from a made-up one.
    '0050-session',
    // An error that answers a copied message is not copied.
    '0280-errors',
    // The time after which something is erased begins anew.
    '0313-until-delivered-hosts',
    '0313-until-delivered',
  ],
  [CLUSTER]: [
    // All nodes stop, and others start: nobody knows when the former ones had been there last, which says what may come again.
    '0198-sent-again-restart',
  ],
}
const MODES: Readonly<Record<string, Mode>> = {
  embedded: {},
  'two nodes': { nodes: 2 },
  [MOVING]: { nodes: 2, moving: SEED },
  websocket: { over: 'websocket' },
  bosh: { over: 'bosh' },
  ...(process.env.TIDINGS_FULL !== undefined && {
    sqlite: { storage: 'sqlite' },
    workers: { ground: site => workerGround(2, 'sqlite', site) },
  }),
  ...(withoutCassandra() === undefined &&
    isPlayed(CLUSTER) && { [CLUSTER]: { ground: await standingCluster(t, 2), ownHosts: true } }),
}

/** How a dialogue is played. */
interface Mode extends TestServerOptions {
  /** Clients that may connect by anything connect by this. */
  readonly over?: Over
  /** Its hosts have names that no other has: it shares a storage with all others. */
  readonly ownHosts?: boolean
}

const certificates = await testCertificates()

for (const file of readdirSync(FOLDER).sort()) {
  if (!file.endsWith('.dialogue') || !file.includes(process.env.DIALOGUES ?? '')) continue
  const name = file.replace('.dialogue', '')
  const source = readFileSync(join(FOLDER, file), 'utf8')
  const dialogue = parseDialogue(source, file)
  t.test(name, async t => {
    for (const [mode, { over, ownHosts, ...options }] of Object.entries(MODES)) {
      if (!isPlayed(mode) || LEFT_OUT[mode]?.includes(name)) continue
      const [text, hosts] = ownHosts ? onOtherHosts(source, hostsOf(dialogue)) : [source, undefined]
      const told = hosts === undefined ? dialogue : parseDialogue(text, file)
      const played = over === undefined ? told : carried(told, over)
      const more = {
        ...options,
        certificates,
        ...(hosts && { config: { hosts: hosts.map(host => ({ name: host })) } }),
      }
      if (played !== undefined) await t.test(mode, t => play(t, played, more))
    }
  })
}

function isPlayed(mode: string): boolean {
  return process.env.MODE === undefined || process.env.MODE === mode
}

async function play(t: Test, dialogue: Dialogue, options: TestServerOptions): Promise<void> {
  const config = { ...options.config, ...dialogue.config }
  const server = await TestServer.start({ ...options, accounts: accountsOf(dialogue), config })
  try {
    await runDialogue(dialogue, server)
  } catch (error) {
    if (!(error instanceof DialogueError)) throw error
    // As a diff, without the runner's own stack.
    t.equal(error.received, error.expected ?? '', error.message, { at: null })
  } finally {
    await server.close()
  }
}

/** The same dialogue by another transport; undefined where nobody in it may use that. */
function carried(dialogue: Dialogue, over: Over): Dialogue | undefined {
  const clients = dialogue.clients.map(one => (one.others.includes(over) ? { ...one, over } : one))
  const changed = clients.some((one, i) => one !== dialogue.clients[i])
  return changed ? { ...dialogue, clients } : undefined
}

/** The hosts that it is played on. */
function hostsOf({ config: { hosts = [{ name: 'localhost' }] } }: Dialogue): readonly string[] {
  return (hosts as readonly { readonly name: string }[]).map(({ name }) => name)
}

/** The accounts of all clients, each once. */
function accountsOf({ clients, accounts }: Dialogue): TestAccount[] {
  const all = new Map<string, TestAccount>(accounts.map(address => [address, [address, DEFAULT_PASSWORD]]))
  for (const { address, password, admin } of clients) {
    const account = address?.replace(/\/.*/, '')
    if (account !== undefined) all.set(account, [account, password, admin ? 'admin' : 'user'])
  }
  return [...all.values()]
}
