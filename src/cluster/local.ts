import type { Answer, Cluster, Frame, FrameHandler } from './types.ts'

/** One process, one node: home to everybody. */
export function singleNode(node = 'local'): Cluster {
  return new LocalNetwork().join(node)
}

/**
 * Several nodes in one process, joined in memory. Owners are spread over the nodes by a hash, frames take a turn of the event loop
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

  homeOf(owner: string): string {
    return this.#nodes.length === 1
      ? this.node
      : (this.#nodes[hash(owner) % this.#nodes.length] as LocalNode).node
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
    if (target === undefined || target.#handler === undefined) throw new Error(`node ${node} is not there`)
    const answer = await target.#handler(frame, this.node)
    // An answer goes the way of frames: it overtakes none that were sent before it.
    await new Promise(setImmediate)
    return answer
  }
}

/** FNV-1a, 32 bits: spreads names evenly and is the same in every process. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
