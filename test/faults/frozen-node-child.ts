/** A node in a process of its own, to be frozen: `redis-address prefix lease`. Says on standard output when it has all slots, and in the end when it last served any. */
import { RedisCluster } from '../../src/cluster/redis/cluster.ts'
import { systemClock } from '../../src/core/clock.ts'

const [address, prefix, lease] = process.argv.slice(2) as [string, string, string]
const owners = Array.from({ length: 200 }, (_, i) => `user${i}@example.org`)
/** Milliseconds by the machine's monotonic clock, the same in all processes. */
const now = (): number => Number(process.hrtime.bigint() / 1_000_000n)
let served = 0
let told = false

const cluster = await RedisCluster.open({
  redis: { address },
  prefix,
  links: { secret: 'a secret of tests', listen: { host: '127.0.0.1', port: 0 } },
  fence: undefined,
  clock: systemClock,
  lease: Number(lease),
  heartbeat: Number(lease) / 8,
  report: () => {},
  expelled: why => {
    look()
    console.log(`${why} ${served}`)
    process.exit()
  },
})
cluster.serve(() => ({}), { leaving: async () => Buffer.alloc(0), arriving: async () => {}, lost: () => {} })
setInterval(look, 1)

function look(): void {
  // Before it looks: who is frozen in the midst of looking has looked before, whenever he goes on.
  const at = now()
  const ours = owners.filter(owner => cluster.homeOf(owner) === cluster.node)
  if (ours.length === 0) return
  served = at
  // Not before it has all of them: what it has not taken yet another one may take, and nobody was frozen then.
  if (told || ours.length < owners.length) return
  told = true
  console.log('serving')
}
