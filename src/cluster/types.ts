/**
 * A cluster tells which node is home to an owner and carries frames between nodes. What homes do with them is core/'s business.
 * One process is a cluster of one node.
 */
export interface Cluster {
  /** Name of this node. */
  readonly node: string
  /** No other node is there, nor will be: homes never move. */
  readonly alone: boolean
  /** The nodes that are alive, this one included. */
  readonly nodes: readonly string[]
  /**
   * The node that is home to `owner` (a bare JID's text). Synchronous: the table of slots is at hand. Undefined while its slot has no
   * home: it moves, or its node has died. Other nodes may learn of a move later: who is asked and is not the home says so (core/).
   */
  homeOf(owner: string): string | undefined
  /** The same of a slot. */
  homeOfSlot(slot: number): string | undefined
  /** Waits until `owner` has a home. Rejects with the ClusterError `no-home` after a time-out. */
  homeFound(owner: string): Promise<string>
  /**
   * Sends a frame and waits for its answer. Frames between two nodes, answers included, arrive in the order they were sent, each once.
   * Rejects with the ClusterError `gone` when the node has died: it may have taken the frame or not.
   */
  request(node: string, frame: Frame): Promise<Answer>
  /** Sends a frame that has no answer, in order with the requests. */
  notify(node: string, frame: Frame): void
  /** Who takes the frames that come for this node, and who is told which slots come and go. Nothing of either is there before. */
  serve(handler: FrameHandler, homes: HomeEvents): void
  /** Gives all slots away; resolves when none is left here. */
  drain(): Promise<void>
  /** Frames and answers that this node has sent to others since it started; undefined where nobody counts them. */
  readonly frames?: number
  /** Resolves when no frame is on its way to or from this node, and no slot. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** What homes need to know when slots (src/cluster/slots.ts) come and go. */
export interface HomeEvents {
  /**
   * These leave: `homeOf` gives undefined for their owners from the call on. Resolves with what the next home needs, when nothing of
   * theirs is under way here.
   */
  leaving(slots: ReadonlySet<number>): Promise<Buffer>
  /**
   * This node becomes their home. `state`: what `leaving` gave; undefined when the former home died. `homeOf` names this node, on all
   * nodes, only once it has resolved.
   */
  arriving(slots: ReadonlySet<number>, state: Buffer | undefined): Promise<void>
  /** A node has died. It does not come back: one that starts again is another. */
  lost(node: string): void
}

/**
 * `gone`: the node has died. `no-home`: an owner has had no home for too long. Of links: `overloaded`: too much waits for the node.
 * `too-large`: the frame. `failed`: the node could not handle it, which is a fault of ours.
 */
export type ClusterErrorCode = 'gone' | 'no-home' | 'overloaded' | 'too-large' | 'failed'

/** What a cluster refuses. */
export class ClusterError extends Error {
  readonly code: ClusterErrorCode

  constructor(code: ClusterErrorCode, text: string) {
    super(text)
    this.name = 'ClusterError'
    this.code = code
  }
}

/** Plain data that can cross a link: JSON values and Buffers. `op` names the operation (core/link/home-link.ts). */
export type Frame = { readonly op: string; readonly [field: string]: FrameValue }
export type Answer = { readonly [field: string]: FrameValue }
export type FrameValue = string | number | boolean | Buffer | undefined
export type FrameHandler = (frame: Frame, from: string) => Answer | Promise<Answer>
