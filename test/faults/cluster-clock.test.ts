/**
 * One node's clock is an hour ahead, another's an hour behind, and the homes of users who write to each other move from one to the next: nothing is lost,
 * seen twice or out of order, and in the archives, read in the order of ids (which are opaque), times never go back.
 */
import t, { type Test } from 'tap'
import type { ClusterProcesses } from '../../scripts/services/cluster.ts'
import { NS } from '../../src/xml/ns.ts'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses } from '../support/cluster-processes.ts'
import { clockAhead } from '../support/fake-clock.ts'
import { PairedLoad, usersOf } from '../support/paired-load.ts'
import { signedIn } from '../support/signed-in.ts'
import { describe } from './loss-count.ts'

const HOUR = 3600
/** Seconds by which the clock of each node is ahead. */
const AHEAD = [0, HOUR, -HOUR]
const PAIRS = 6
const PASSWORD = 'secret'
/** A pause of senders, ms: generator and servers share the machine. */
const PAUSE = 50
const SOME = 20
/** For how long (ms) times may differ for other reasons than clocks. */
const LATITUDE = 600_000

const skip = withoutCassandra() ?? false
t.setTimeout(420_000)

t.test('clocks of nodes are an hour off, both ways', { skip }, async t => {
  const began = Date.now()
  const cluster = await clusterProcesses(t, {
    nodes: AHEAD.length,
    users: usersOf(PAIRS),
    password: PASSWORD,
    node: number => ({ env: AHEAD[number - 1] === 0 ? {} : clockAhead(AHEAD[number - 1]!) }),
  })
  const load = await PairedLoad.connect(t, {
    pairs: PAIRS,
    password: PASSWORD,
    pause: PAUSE,
    port: () => cluster.somePort(),
  })
  load.write()
  await load.allProgress(SOME)
  for (const [n, node] of cluster.nodes.entries()) {
    const other = cluster.nodes[(n + 1) % AHEAD.length]!
    node.open = false
    t.equal(await node.end('SIGTERM'), 0)
    await agreed(other, AHEAD.length - 1)
    await load.allProgress(SOME)
    await node.start()
    await agreed(other, AHEAD.length)
    await load.allProgress(SOME)
  }
  const fared = await load.rest()
  const { missing, visible, order, acknowledged, refused, breaks, stall } = fared
  t.same({ missing, visible, order }, { missing: 0, visible: 0, order: 0 }, describe(fared))
  t.comment(
    `${describe(fared)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections, longest stall ${stall.toFixed(0)} ms`,
  )
  await load.close()
  await archives(t, cluster, began)
})

async function archives(t: Test, cluster: ClusterProcesses, began: number): Promise<void> {
  const clocks = new Set<number>()
  for (const user of usersOf(PAIRS)) {
    const items = await archiveOf(t, cluster.somePort(), user)
    const back = items.filter(({ time }, n) => n > 0 && time < items[n - 1]!.time)
    t.same(back, [], `${user}: no time goes back, of ${items.length}`)
    t.equal(new Set(items.map(({ id }) => id)).size, items.length, 'each has an id of its own')
    const first = began - HOUR * 1_000 - LATITUDE
    const last = Date.now() + HOUR * 1_000 + LATITUDE
    t.ok(
      items.every(({ time }) => time > first && time < last),
      'all times are those of some node',
    )
    for (const { time } of items) clocks.add(Math.round((time - began) / 1_000 / HOUR))
  }
  t.same(
    [...clocks].sort((a, b) => a - b),
    [-1, 0, 1],
    'homes were at all nodes',
  )
}

interface Archived {
  readonly id: string
  readonly time: number
}

/** All that a user finds in his archive: XEP-0313, page by page. */
async function archiveOf(t: Test, port: number, user: string): Promise<Archived[]> {
  const client = await signedIn(t, port, user, PASSWORD)
  const items: Archived[] = []
  for (let complete = false; !complete; ) {
    const after = items.length === 0 ? '' : `<after>${items.at(-1)!.id}</after>`
    const set = `<set xmlns='${NS.resultSets}'><max>100</max>${after}</set>`
    client.send(`<iq type='set' id='page'><query xmlns='${NS.archive}'>${set}</query></iq>`)
    const [page] = await client.expect(/^.*<fin .*?<\/iq>/s)
    for (const [, id, stamp] of page.matchAll(/<result [^>]*?id="([^"]+)".*?<delay [^>]*?stamp="([^"]+)"/gs))
      items.push({ id: id!, time: Date.parse(stamp!) })
    complete = page.includes('complete="true"')
  }
  client.socket.destroy()
  return items
}
