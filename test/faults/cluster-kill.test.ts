/**
 * A node of three over Redis and Cassandra is killed (SIGKILL) while pairs of users write, again and again: whatever a sender has an acknowledgement
 * for arrives, in order, and nobody sees anything twice; whoever asks something of an account is answered. A server with a mistake must be
 * caught by the same rounds. `TIDINGS_FULL=1` runs 10 rounds, `TIDINGS_ROUNDS` so many.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ClusterProcesses } from '../../scripts/services/cluster.ts'
import { Asker } from '../support/asker.ts'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses, startServices } from '../support/cluster-processes.ts'
import { type Fared, PairedLoad, usersOf } from '../support/paired-load.ts'
import { describe } from './loss-count.ts'
import { mutateProgram } from './programs.ts'

const ROUNDS = Number(process.env.TIDINGS_ROUNDS ?? (process.env.TIDINGS_FULL === '1' ? 10 : 2))
/** A mistake is caught in the first round, nearly always; it has this many. */
const MUTANT_ROUNDS = 4
const PAIRS = 6
const NODES = 3
/** Most messages of a sender that are acknowledged before the kill. */
const MOST = 200
const AFTERWARDS = 20
const PASSWORD = 'secret'
const ASKER = 'asker'
/** A pause of senders between bursts, ms: generator and servers share the machine. */
const PAUSE = 50
/** Within which others have the slots of the dead, ms: 10 s, and more for a machine that has other things to do. */
const AT_LAST = 20_000
/** Within which a question is answered whatever happens, ms: a home is waited for 12 s, and the machine may be busy. */
const ANSWER = 20_000

t.jobs = 1
t.setTimeout(240_000 + ROUNDS * 60_000)

/** What one kill has come to. */
interface Round {
  readonly fared: Fared
  /** Until all slots had a home again, ms. */
  readonly homeless: number
}

/** Kills a node while all write, and starts it again. */
async function killOnce(t: Test, cluster: ClusterProcesses, load: PairedLoad, round: number): Promise<Round> {
  const victim = cluster.nodes[round % NODES]!
  const survivor = cluster.nodes[(round + 1) % NODES]!
  const targets = usersOf(PAIRS).map(user => `${user}@localhost`)
  const asker = await Asker.start(t, { port: survivor.port, user: ASKER, password: PASSWORD, targets })
  load.write()
  await load.progress(round, Math.ceil(Math.random() * MOST))
  await victim.end('SIGKILL')
  const homeless = await agreed(survivor, NODES - 1)
  await load.allProgress(AFTERWARDS)
  const { answered, open, errors, longest } = await asker.stop(ANSWER)
  t.equal(open, 0, `round ${round}: ${answered} answers`)
  t.ok(
    longest <= ANSWER,
    `round ${round}: the slowest after ${longest.toFixed(0)} ms, ${JSON.stringify(errors)}`,
  )
  await victim.start()
  await agreed(survivor, NODES)
  await load.allProgress(AFTERWARDS)
  return { fared: await load.rest(), homeless }
}

const skip = withoutCassandra()
if (skip !== undefined) t.plan(0, skip)
else {
  const services = await startServices(t)
  const setUp = async (t: Test, name: string, pause: number, entry?: string) => {
    const users = [...usersOf(PAIRS), ASKER]
    const program = entry === undefined ? {} : { entry }
    const cluster = await clusterProcesses(t, {
      services,
      name,
      users,
      password: PASSWORD,
      nodes: NODES,
      ...program,
    })
    const port = (): number => cluster.somePort()
    const load = await PairedLoad.connect(t, { pairs: PAIRS, password: PASSWORD, pause, port })
    return { cluster, load }
  }

  t.test('a node is killed under load', async t => {
    const { cluster, load } = await setUp(t, 'killed', PAUSE)
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const one = await killOnce(t, cluster, load, round)
      const { fared, homeless } = one
      rounds.push(one)
      t.ok(homeless <= AT_LAST, `round ${round}: all slots have a home after ${homeless.toFixed(0)} ms`)
      const { missing, visible, order } = fared
      t.same(
        { missing, visible, order },
        { missing: 0, visible: 0, order: 0 },
        `round ${round}: ${describe(fared)}`,
      )
    }
    const { acknowledged, refused, breaks, resumed, stall } = rounds.at(-1)!.fared
    const longest = Math.max(...rounds.map(({ homeless }) => homeless))
    t.comment(
      `${ROUNDS} rounds: ${describe(rounds.at(-1)!.fared)}, of ${acknowledged} acknowledged, ${refused} refused`,
    )
    t.comment(
      `${breaks} broken connections, ${resumed} resumed; homes after ${longest.toFixed(0)} ms at most, longest stall ${stall.toFixed(0)} ms`,
    )
    t.not(breaks, 0, 'somebody noticed')
    await load.close()
  })

  t.test('caught: acknowledged before the commit', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-kill-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const entry = mutateProgram(folder, [
      {
        file: 'c2s/session.ts',
        find: 'const settled = this.#handle!.submit(stanza)\n',
        replace: 'const settled = void this.#handle!.submit(stanza)\n',
      },
    ])
    const { cluster, load } = await setUp(t, 'mutant', 0, entry)
    let missing = 0
    for (let round = 0; round < MUTANT_ROUNDS && missing === 0; round++) {
      // Not for long: nothing slows senders down who are told at once that all is stored.
      load.write()
      await load.progress(round, MOST)
      const victim = cluster.nodes[round % NODES]!
      await victim.end('SIGKILL')
      missing = (await load.rest()).missing
      await victim.start()
    }
    t.not(missing, 0, `missing: ${missing}`)
    await load.close()
  })
}
