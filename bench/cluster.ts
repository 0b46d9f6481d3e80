/**
 * `node bench/cluster.ts WHAT [options]`: whole nodes over Redis and Cassandra on this machine, all of it started and ended here.
 *
 *   chat       CPU, frames, commands of Redis and writes of Cassandra per message: [--nodes 1,2,3] [--archive] [--near] [--rate 300] [--rounds 3]
 *   idle       memory of idle sessions, and of nodes while slots move: [--nodes 1,2] [--sessions 10000]
 *   reconnect  one of the nodes is killed, its clients come to the others: [--nodes 3] [--sessions 9000] [--sign-ins 1000]
 *   celebrity  thousands write to one account, and it to them: [--nodes 2] [--fans 2000] [--devices 3] [--rate 500]
 *
 * `--node-options="--cpu-prof ..."` is for the nodes of `chat`. TIDINGS_BENCH is the folder of the load generator, if it is not ../shared/bench. TIDINGS_BENCH_LOCK: a file that is locked while it is
 * measured, where others measure as well.
 */
import { parseArgs } from 'node:util'
import { celebrity } from './cluster/celebrity.ts'
import { chat } from './cluster/chat.ts'
import { idle } from './cluster/idle.ts'
import { reconnect } from './cluster/reconnect.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string' },
    archive: { type: 'boolean', default: false },
    near: { type: 'boolean', default: false },
    rate: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    'node-options': { type: 'string' },
    sessions: { type: 'string' },
    'sign-ins': { type: 'string', default: '1000' },
    fans: { type: 'string', default: '2000' },
    devices: { type: 'string', default: '3' },
  },
})
const [what = 'chat'] = positionals
// All that was started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const sizes = (byDefault: string): number[] => (values.nodes ?? byDefault).split(',').map(Number)

switch (what) {
  case 'chat':
    await chat({
      nodes: sizes('1,2,3'),
      archive: values.archive,
      near: values.near,
      rate: values.rate === undefined ? undefined : Number(values.rate),
      rounds: Number(values.rounds),
      node: values['node-options']?.split(' ') ?? [],
    })
    break
  case 'idle':
    await idle({ nodes: sizes('1,2'), sessions: Number(values.sessions ?? 10_000) })
    break
  case 'reconnect':
    await reconnect({
      nodes: Number(values.nodes ?? 3),
      sessions: Number(values.sessions ?? 9_000),
      signIns: Number(values['sign-ins']),
    })
    break
  case 'celebrity':
    await celebrity({
      nodes: Number(values.nodes ?? 2),
      fans: Number(values.fans),
      devices: Number(values.devices),
      rate: Number(values.rate ?? 500),
    })
    break
  default:
    throw new Error(`nothing is called ${what}`)
}
