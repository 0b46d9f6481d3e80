import { slotOf } from './slots.ts'
import { type Answer, type Cluster, ClusterError, type Frame, type FrameHandler } from './types.ts'

/** One process, one node: home to everybody. */
export function singleNode(node = 'local'): Cluster {
  const gone = (): never => {
    throw new ClusterError('gone', 'there is no other node')
  }
  return {
    node,
    nodes: [node],
    homeOf: () => node,
    homeFound: async () => node,
    request: async () => gone(),
    notify: () => {},
    serve: () => {},
    drain: async () => {},
    settled: async () => {},
    close: async () => {},
  }
}

/**
 * Several nodes in one process, joined in memory. Owners are spread over the nodes by their slots, frames take a turn of the event loop
 * and keep their order: what is true on a real network of homes and not of function calls shows up here.
 */
export class LocalNetwork {
  readonly #nodes: LocalNode[] = []

  /** Adds a node. All nodes must have joined before the first owner is looked up: homes do not move here. */
  join(node: string): Cluster {
    const joined = new LocalNode(node, this.#nodes)
    this.#nodes.push(joined)
    return joined
  }
}

class LocalNode implements Cluster {
  readonly node: string
  readonly #nodes: readonly LocalNode[]
  readonly #onTheWay = new Set<Promise<unknown>>()
  #handler: FrameHandler | undefined

  constructor(node: string, nodes: readonly LocalNode[]) {
    this.node = node
    this.#nodes = nodes
  }

  get nodes(): readonly string[] {
    return this.#nodes.map(({ node }) => node)
  }

  homeOf(owner: string): string {
    return (this.#nodes[slotOf(owner) % this.#nodes.length] as LocalNode).node
  }

  async homeFound(owner: string): Promise<string> {
    return this.homeOf(owner)
  }

  request(node: string, frame: Frame): Promise<Answer> {
    const answer = this.#send(node, frame)
    this.#onTheWay.add(answer)
    const arrived = (): void => void this.#onTheWay.delete(answer)
    answer.then(arrived, arrived)
    return answer
  }

  notify(node: string, frame: Frame): void {
    this.request(node, frame).catch(() => {})
  }

  serve(handler: FrameHandler): void {
    this.#handler = handler
  }

  async drain(): Promise<void> {}

  async settled(): Promise<void> {
    while (this.#onTheWay.size > 0) await Promise.allSettled(this.#onTheWay)
  }

  async close(): Promise<void> {
    await this.settled()
    this.#handler = undefined
  }

  async #send(node: string, frame: Frame): Promise<Answer> {
    await new Promise(setImmediate)
    const target = this.#nodes.find(one => one.node === node)
    if (target === undefined || target.#handler === undefined)
      throw new ClusterError('gone', `node ${node} is not there`)
    const answer = await target.#handler(frame, this.node)
    // An answer goes the way of frames: it overtakes none that were sent before it.
    await new Promise(setImmediate)
    return answer
  }
}
