import t from 'tap'
import { startRedisCluster } from '../../scripts/services/redis.ts'
import { RedisNodes } from '../support/redis-nodes.ts'
import { clusterContract } from './contract.ts'

const service = await startRedisCluster({ password: 'of tests' })
t.teardown(() => service.stop())
const place = { nodes: service.servers.map(({ address }) => address), password: 'of tests' }

clusterContract(t, 'a Redis Cluster', async t => new RedisNodes(t, place))
