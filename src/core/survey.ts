import { SLOTS } from '../cluster/slots.ts'
import type { Answer, Cluster } from '../cluster/types.ts'
import { type Clock, within } from './clock.ts'

/** How long a node may take to say how it is, in ms. */
const PATIENCE_MS = 5_000

/** What a node says of itself; also the answer to a frame that asks for it. */
export type NodeReport = {
  readonly version: string
  /** Seconds since it started. */
  readonly uptime: number
  /** Open connections of clients. */
  readonly connections: number
  /** Sessions whose home it is. */
  readonly sessions: number
}

/** A node as another one sees it. */
export interface NodeView {
  readonly node: string
  /** It is the one that was asked. */
  readonly own: boolean
  /** Of how many slots it is the home; all together are 4,096. */
  readonly slots: number
  /** What it says, and how long that took, in ms; absent when it does not answer. */
  readonly report?: NodeReport
  readonly lag?: number
}

/** All nodes of a cluster. */
export interface Survey {
  readonly nodes: readonly NodeView[]
  /** Slots that have no home at the moment. */
  readonly homeless: number
}

/** Asks all nodes how they are; `own` is the report of this one. */
export async function survey(cluster: Cluster, own: NodeReport, clock: Clock): Promise<Survey> {
  const slots = new Map<string, number>()
  for (let slot = 0; slot < SLOTS; slot++) {
    const home = cluster.homeOfSlot(slot) ?? ''
    slots.set(home, (slots.get(home) ?? 0) + 1)
  }
  const nodes = cluster.nodes.map(async (node): Promise<NodeView> => {
    const view = { node, own: node === cluster.node, slots: slots.get(node) ?? 0 }
    const start = clock.monotonic()
    const report = view.own ? own : await ask(cluster, node, clock)
    return report === undefined ? view : { ...view, report, lag: clock.monotonic() - start }
  })
  return { nodes: await Promise.all(nodes), homeless: slots.get('') ?? 0 }
}

async function ask(cluster: Cluster, node: string, clock: Clock): Promise<NodeReport | undefined> {
  const asked = cluster.request(node, { op: 'report' }).catch(() => undefined)
  const answer = await within(clock, PATIENCE_MS, asked, undefined)
  return answer && reportIn(answer)
}

function reportIn({ version, uptime, connections, sessions }: Answer): NodeReport {
  return {
    version: String(version),
    uptime: Number(uptime),
    connections: Number(connections),
    sessions: Number(sessions),
  }
}
