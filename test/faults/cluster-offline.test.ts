/** Commands without a server, in a cluster: they work when no node runs, also after one has died, and are refused while one does or nobody knows. */
import t from 'tap'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses } from '../support/cluster-processes.ts'
import { signedIn } from '../support/signed-in.ts'

const PASSWORD = 'secret'

const skip = withoutCassandra() ?? false
t.setTimeout(300_000)

t.test('accounts are added while no node runs', { skip }, async t => {
  const cluster = await clusterProcesses(t, { nodes: 2, users: ['alice'], password: PASSWORD })
  const [one, two] = cluster.nodes
  const add = (user: string) => two!.run(['user', 'add', `${user}@localhost`, '--password', PASSWORD])
  for (const node of [one!, two!]) t.equal(await node.end('SIGTERM'), 0)
  await add('bob')
  await one!.start()
  await agreed(one!, 1)
  await signedIn(t, one!.port, 'bob', PASSWORD)
  await t.rejects(add('carol'), /TIDINGS_LOCKED/, 'a node runs, as if it were on another machine')
  await one!.end('SIGKILL')
  await add('dave')
  await one!.start()
  await agreed(one!, 1)
  for (const user of ['alice', 'bob', 'dave']) await signedIn(t, one!.port, user, PASSWORD)
  await one!.end('SIGTERM')
  const [redis] = cluster.redis.servers
  redis!.signal('SIGKILL')
  await t.rejects(add('erin'), /TIDINGS_REDIS_LOST/, 'nobody knows whether a node runs')
})
