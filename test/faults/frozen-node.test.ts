import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { startRedis } from '../../scripts/services/redis.ts'
import { RedisCluster } from '../../src/cluster/redis/cluster.ts'
import { systemClock } from '../../src/core/clock.ts'

const LEASE = 3000
const CHILD = `${import.meta.dirname}/frozen-node-child.ts`

t.test(
  'a process that is stopped (SIGSTOP) and goes on serves nothing that another one has taken meanwhile',
  async t => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const { address } = redis.servers[0]!
    const child = spawn(process.execPath, [CHILD, address, 'frozen', String(LEASE)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    t.teardown(async () => {
      child.kill('SIGKILL')
      await exited
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    t.equal((await lines.next()).value, 'serving')

    let taken = 0
    const all = Promise.withResolvers<void>()
    const ours = new Set<number>()
    const cluster = await RedisCluster.open({
      redis: { address },
      prefix: 'frozen',
      links: { secret: 'a secret of tests', listen: { host: '127.0.0.1', port: 0 } },
      fence: undefined,
      clock: systemClock,
      lease: LEASE,
      heartbeat: LEASE / 8,
      report: () => {},
      expelled: why => t.fail(why),
    })
    t.teardown(() => cluster.close())
    const half = Promise.withResolvers<void>()
    const lost: string[] = []
    cluster.serve(() => ({}), {
      leaving: async () => Buffer.alloc(0),
      async arriving(slots, state) {
        // Those of the node that is frozen: it has handed over nothing.
        if (state === undefined && taken === 0) taken = Number(process.hrtime.bigint() / 1_000_000n)
        for (const slot of slots) ours.add(slot)
        if (ours.size === 2048) half.resolve()
        if (ours.size === 4096) all.resolve()
      },
      lost: node => lost.push(node),
    })
    await half.promise
    child.kill('SIGSTOP')
    await all.promise
    child.kill('SIGCONT')
    const [why, served] = String((await lines.next()).value).split(' ')
    t.equal(why, 'buried')
    t.ok(
      Number(served) > 0 && Number(served) < taken,
      `served until ${taken - Number(served)} ms before another did`,
    )
    t.equal(lost.length, 1)
  },
)
