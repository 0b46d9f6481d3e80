/**
 * Plays every dialogue of test/dialogues: embedded, on two nodes over the in-memory cluster, also while homes move between them, and, with TIDINGS_FULL=1, on SQLite,
 * by two workers and on two nodes over Cassandra.
 * DIALOGUES=0199 plays only those whose name has that text, MODE=cassandra or MODE=workers only in that way.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cassandraTenants, withoutCassandra } from './support/cassandra.ts'
import { DialogueError } from './support/dialogue/failure.ts'
import { DEFAULT_PASSWORD, parseDialogue } from './support/dialogue/parse.ts'
import { runDialogue } from './support/dialogue/run.ts'
import type { Over } from './support/dialogue/transport.ts'
import type { Dialogue } from './support/dialogue/types.ts'
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
/** What a former home knew and the next one does not: docs/decisions/0022. These are not played while homes move. */
const STAYING: ReadonlySet<string> = new Set([
  // An id of a command that has ended can't be told from a made-up one.
  '0050-session.dialogue',
  // An error that answers a copied message is not copied.
  '0280-errors.dialogue',
  // The time after which something is erased begins anew.
  '0313-until-delivered-hosts.dialogue',
  '0313-until-delivered.dialogue',
  // A request may overtake a message of its sender that waits for its recipient's home.
  '0424-corrected.dialogue',
])
const MODES: Readonly<Record<string, Mode>> = {
  embedded: {},
  'two nodes': { nodes: 2 },
  [MOVING]: { nodes: 2, moving: SEED },
  websocket: { over: 'websocket' },
  bosh: { over: 'bosh' },
  ...(process.env.TIDINGS_FULL !== undefined && { sqlite: { storage: 'sqlite' } }),
  ...(withoutCassandra() === undefined && { cassandra: { nodes: 2, storage: await cassandraTenants(t) } }),
  ...((process.env.TIDINGS_FULL !== undefined || process.env.MODE === 'workers') && {
    workers: { nodes: 2, workers: true, storage: 'sqlite' },
  }),
}

/** How a dialogue is played; `over`: clients that may connect by anything connect by this. */
type Mode = TestServerOptions & { readonly over?: Over }

const certificates = await testCertificates()

for (const file of readdirSync(FOLDER).sort()) {
  if (!file.endsWith('.dialogue') || !file.includes(process.env.DIALOGUES ?? '')) continue
  const dialogue = parseDialogue(readFileSync(join(FOLDER, file), 'utf8'), file)
  t.test(file.replace('.dialogue', ''), async t => {
    for (const [mode, { over, ...options }] of Object.entries(MODES)) {
      if (process.env.MODE !== undefined && process.env.MODE !== mode) continue
      if (mode === MOVING && STAYING.has(file)) continue
      const played = over === undefined ? dialogue : carried(dialogue, over)
      if (played !== undefined) await t.test(mode, t => play(t, played, { ...options, certificates }))
    }
  })
}

async function play(t: Test, dialogue: Dialogue, options: TestServerOptions): Promise<void> {
  const { config } = dialogue
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

/** The accounts of all clients, each once. */
function accountsOf({ clients, accounts }: Dialogue): TestAccount[] {
  const all = new Map<string, TestAccount>(accounts.map(address => [address, [address, DEFAULT_PASSWORD]]))
  for (const { address, password, admin } of clients) {
    const account = address?.replace(/\/.*/, '')
    if (account !== undefined) all.set(account, [account, password, admin ? 'admin' : 'user'])
  }
  return [...all.values()]
}
