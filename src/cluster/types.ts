/**
 * A cluster tells which node is home to an owner and carries frames between nodes. What homes do with them is core/'s business.
 * One process is a cluster of one node.
 */
export interface Cluster {
  /** Name of this node. */
  readonly node: string
  /** The node that is home to `owner` (a bare JID's text). Synchronous: the table of slots is at hand. */
  homeOf(owner: string): string
  /** Sends a frame and waits for its answer. Frames between two nodes, answers included, arrive in the order they were sent. */
  request(node: string, frame: Frame): Promise<Answer>
  /** Sends a frame that has no answer, in order with the requests. */
  notify(node: string, frame: Frame): void
  /** Who takes the frames that come for this node. */
  serve(handler: FrameHandler): void
  /** Resolves when no frame is on its way to or from this node. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** Plain data that can cross a link: JSON values and Buffers. `op` names the operation (core/link.ts). */
export type Frame = { readonly op: string; readonly [field: string]: FrameValue }
export type Answer = { readonly [field: string]: FrameValue }
export type FrameValue = string | number | boolean | Buffer | undefined
export type FrameHandler = (frame: Frame, from: string) => Answer | Promise<Answer>
