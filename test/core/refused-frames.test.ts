/** A home cannot be asked: the sender learns it as an error after which it may try again (`wait`), not as a fault of its own. */
import t from 'tap'
import { type Cluster, ClusterError, type ClusterErrorCode } from '../../src/cluster/types.ts'
import type { Condition } from '../../src/core/errors.ts'
import { Channels } from '../../src/core/link/channels.ts'

const EXPECTED: readonly (readonly [ClusterErrorCode, Condition])[] = [
  ['gone', 'remote-server-timeout'],
  ['no-home', 'resource-constraint'],
  ['overloaded', 'resource-constraint'],
  ['too-large', 'resource-constraint'],
  ['failed', 'internal-server-error'],
]

for (const [code, condition] of EXPECTED)
  t.test(code, async t => {
    const refused = Promise.reject(new ClusterError(code, 'of a test'))
    refused.catch(() => {})
    const cluster: Partial<Cluster> = {
      node: 'here',
      homeOfSlot: () => (code === 'no-home' ? undefined : 'there'),
      homeFound: () => refused,
      request: () => refused,
    }
    const channels = new Channels(cluster as Cluster, () => {
      throw new Error('it is not for this node')
    })
    const frame = { op: 'receive', owner: 'bob@localhost' }
    const errand = { owner: 'bob@localhost', frame, repeatable: false }
    await t.rejects(channels.send(errand).answer, { name: 'StanzaError', condition, type: 'wait' })
    await channels.settled()
  })

t.test('a home that has died is named for ever, at a node that has lost Redis', async t => {
  let asked = 0
  const cluster: Partial<Cluster> = {
    node: 'here',
    homeOfSlot: () => 'there',
    homeFound: async () => 'there',
    request: async () => {
      asked++
      throw new ClusterError('gone', 'of a test')
    },
  }
  const channels = new Channels(cluster as Cluster, () => ({}), 200)
  const frame = { op: 'receive', owner: 'bob@localhost' }
  const errand = { owner: 'bob@localhost', frame, repeatable: true }
  const refused = { name: 'StanzaError', condition: 'resource-constraint', type: 'wait' }
  await t.rejects(channels.send(errand).answer, refused)
  t.ok(asked > 2 && asked < 20, `asked ${asked} times`)
})

t.test('a home that refuses for long, since it has lost Redis', async t => {
  let asked = 0
  const cluster: Partial<Cluster> = {
    node: 'here',
    homeOfSlot: () => 'there',
    homeFound: async () => 'there',
    request: async () => ({ moved: ++asked > 0 }),
  }
  const patience = 200
  const channels = new Channels(cluster as Cluster, () => ({}), patience)
  const frame = { op: 'receive', owner: 'bob@localhost' }
  const errand = { owner: 'bob@localhost', frame, repeatable: true }
  const sent = performance.now()
  const first = channels.send(errand).answer
  await t.rejects(first, { name: 'StanzaError', condition: 'resource-constraint', type: 'wait' })
  t.ok(performance.now() - sent > patience)
  t.ok(asked > 2 && asked < 20, `asked ${asked} times`)
  cluster.request = async () => ({ done: true })
  t.same(await channels.send(errand).answer, { done: true }, 'it is asked again for the next one')
  await channels.settled()
})
