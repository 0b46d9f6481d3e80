/**
 * A worker is killed (SIGKILL) while pairs of users write: whatever a sender has an acknowledgement for arrives, in order, and nobody sees
 * anything twice, though clients and homes are spread over the workers as it happens. `TIDINGS_FULL=1` runs 10 rounds, `TIDINGS_ROUNDS` so many.
 */
import t from 'tap'
import { PairedLoad, usersOf } from '../support/paired-load.ts'
import { ServerProcess } from '../support/server-process.ts'
import { describe, NONE } from './loss-count.ts'

const ROUNDS = Number(process.env.TIDINGS_ROUNDS ?? (process.env.TIDINGS_FULL === '1' ? 10 : 2))
const PAIRS = 6
/** Most messages of a sender that are acknowledged before the kill. */
const MOST = 200
const AFTERWARDS = 20
const PASSWORD = 'secret'

t.setTimeout(60_000 + ROUNDS * 20_000)
const skip = process.platform === 'linux' ? false : 'only Linux tells which processes a server has'

const listener = { address: '127.0.0.1', port: 0 }
const CONFIG = {
  workers: 3,
  listeners: { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': listener, http: listener, metrics: false },
}

t.test('a worker is killed under load', { skip }, async t => {
  const accounts = usersOf(PAIRS).map(name => [`${name}@localhost`, PASSWORD] as const)
  const server = await ServerProcess.start({ accounts, config: CONFIG })
  t.teardown(() => server.stop())
  const load = await PairedLoad.connect(t, {
    pairs: PAIRS,
    password: PASSWORD,
    port: () => server.ports.tcp,
  })
  let fared = { ...NONE, acknowledged: 0, refused: 0, breaks: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    load.write()
    await load.progress(round, Math.ceil(Math.random() * MOST))
    const { workers } = server
    process.kill(workers[round % workers.length]!, 'SIGKILL')
    await load.allProgress(AFTERWARDS)
    fared = await load.rest()
    const { missing, visible, order } = fared
    t.same({ missing, visible, order }, { missing: 0, visible: 0, order: 0 }, `round ${round}: all is well`)
  }
  const { acknowledged, refused, breaks } = fared
  t.comment(
    `${ROUNDS} rounds: ${describe(fared)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections`,
  )
  t.not(breaks, 0, 'somebody noticed')
  await load.close()
  t.equal(await server.end('SIGTERM'), 0, 'ends in order')
})
