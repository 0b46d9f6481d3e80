import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startRedis, startRedisCluster } from '../../scripts/services/redis.ts'
import { connectRedis, type RedisPlace } from '../../src/cluster/redis/connect.ts'
import { redisEphemeral } from '../../src/storage/redis.ts'
import { ephemeralContract } from './contract-ephemeral.ts'

const single = await startRedis({ password: 'of tests' })
const three = await startRedisCluster()
t.teardown(() => Promise.all([single.stop(), three.stop()]))

let count = 0

async function open(place: RedisPlace) {
  const connection = connectRedis(place, () => {})
  await new Promise<void>(resolve => connection.once('ready', () => resolve()))
  const clock = { time: Date.now(), now: () => clock.time }
  const prefix = `test${++count}`
  return { connection, clock, prefix, ephemeral: redisEphemeral(connection, { prefix, clock }) }
}

for (const [name, place] of [
  ['one Redis', { address: single.servers[0]!.address, password: 'of tests' }],
  ['a Redis Cluster', { nodes: three.servers.map(({ address }) => address) }],
] as const)
  ephemeralContract(t, name, async t => {
    const { ephemeral, clock } = await open(place)
    t.teardown(() => ephemeral.close?.())
    // Redis has no clock that could be moved.
    return { ephemeral, clock, age: ms => delay(ms + 1) }
  })

t.test(
  'buckets go by the time of Redis, whatever that of a node is, and are dropped when they are full',
  async t => {
    const { connection, prefix } = await open({ address: single.servers[0]!.address, password: 'of tests' })
    const ephemeral = redisEphemeral(connection, { prefix })
    t.teardown(() => ephemeral.close?.())
    for (let n = 0; n < 3; n++) t.equal(await ephemeral.take('k', 3, 3_600_000), true)
    t.equal(await ephemeral.take('k', 3, 3_600_000), false)
    const left = await connection.pttl(`${prefix}:bucket:k`)
    t.ok(left > 3_500_000 && left <= 3_600_000)
  },
)

t.test('without Redis nothing is given, and that is told', async t => {
  const ephemeral = redisEphemeral(
    connectRedis({ address: '127.0.0.1:1' }, () => {}),
    { prefix: 'x' },
  )
  t.teardown(() => ephemeral.close?.())
  await t.rejects(ephemeral.take('k', 1, 1), { name: 'StorageError', code: 'unavailable' })
  await t.rejects(ephemeral.get('k'), { code: 'unavailable' })
})
