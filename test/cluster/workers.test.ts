import t, { type Test } from 'tap'
import { SLOTS } from '../../src/cluster/slots.ts'
import type { Cluster } from '../../src/cluster/types.ts'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { memoryEngine } from '../../src/storage/memory.ts'
import { JID } from '../../src/xml/jid.ts'
import { type WorkerNode, WorkerNodes } from '../support/worker-nodes.ts'
import { type ContractNetwork, clusterContract, served } from './contract.ts'

const clock = { now: () => 0 }
/** What nobody waits for longer, ms. */
const PATIENCE = 12_000

function open(): Promise<WorkerNodes> {
  return WorkerNodes.open({ engine: memoryEngine({ clock }), ephemeral: memoryEphemeral(clock), clock })
}

async function network(t: Test): Promise<ContractNetwork> {
  const workers = await open()
  const nodes = new Map<Cluster, WorkerNode>()
  t.teardown(async () => {
    workers.coordinator.stop()
    await Promise.all([...nodes.values()].map(node => node.close()))
    await workers.close()
  })
  const take = (cluster: Cluster): WorkerNode => {
    const node = nodes.get(cluster)!
    nodes.delete(cluster)
    return node
  }
  return {
    async join(core) {
      const node = await workers.add(core.truth.faults)
      nodes.set(node.cluster, node)
      return served(node.cluster, core)
    },
    leave: cluster => take(cluster).close(),
    kill: cluster => take(cluster).kill(),
    async until(what, is) {
      const late = performance.now() + PATIENCE
      while (!is()) {
        if (performance.now() > late) throw new Error(`not in time: ${what}`)
        await new Promise(resolve => setTimeout(resolve, 1))
      }
    },
    spread: () => workers.settled([...nodes.values()]),
  }
}

clusterContract(t, 'workers', network)

t.test(
  'the archive of an owner is written by its home alone; a worker that died writes nothing any more',
  async t => {
    const workers = await open()
    const homes = {
      leaving: async () => Buffer.alloc(0),
      arriving: async () => {},
      lost: () => {},
    }
    const join = async (): Promise<WorkerNode> => {
      const node = await workers.add()
      node.cluster.serve(() => ({}), homes)
      return node
    }
    const [one, other] = [await join(), await join()]
    await workers.settled([one, other])
    const append = ({ storage }: WorkerNode, owner: JID): Promise<void> =>
      storage.commit([storage.archive('mam').append(owner, { peer: owner, payload: Buffer.from('hello') })])
    const owners = Array.from({ length: 40 }, (_, n) => JID.parse(`user${n}@localhost`))
    for (const owner of owners) {
      const home = one.cluster.homeOf(owner.toString()) === one.cluster.node ? one : other
      await append(home, owner)
      await t.rejects(append(home === one ? other : one, owner), { code: 'unavailable' })
    }
    await one.kill()
    await workers.coordinator.settled()
    t.equal(workers.coordinator.slots.get(other.cluster.node), SLOTS)
    for (const owner of owners) await append(other, owner)
    workers.coordinator.stop()
    await other.close()
    await workers.close()
  },
)
