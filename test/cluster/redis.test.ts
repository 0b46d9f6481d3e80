import t from 'tap'
import { startRedis } from '../../scripts/services/redis.ts'
import { RedisNodes } from '../support/redis-nodes.ts'
import { clusterContract } from './contract.ts'

const service = await startRedis({ password: 'of tests' })
t.teardown(() => service.stop())
const place = { address: service.servers[0]!.address, password: 'of tests' }

clusterContract(t, 'one Redis', async t => new RedisNodes(t, place))
