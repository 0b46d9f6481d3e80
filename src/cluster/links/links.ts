import { hkdfSync } from 'node:crypto'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { MonotonicClock } from '../clock.ts'
import { type Answer, ClusterError, type Frame, type FrameHandler } from '../types.ts'
import type { Callee, Identity } from './greeting.ts'
import type { Incoming } from './incoming.ts'
import { Outgoing, type OutgoingParts } from './outgoing.ts'
import { MOST_BYTES } from './packets.ts'
import { Peer } from './peer.ts'
import { type KnownCaller, Reception } from './reception.ts'
import { addressOf, call, listenAt, type Place } from './sockets.ts'

/**
 * What an operator may want to know of links. `down` comes once until it is up again, and only if something waits to be sent. `refused`: a call
 * from this address. `failed`: a frame that could not be sent, or that came and could not be handled.
 */
export type LinkEvent =
  | { readonly kind: 'up'; readonly node: string }
  | { readonly kind: 'down'; readonly node: string; readonly trouble: Error }
  | { readonly kind: 'refused'; readonly from: string; readonly trouble: Error }
  | { readonly kind: 'failed'; readonly node: string; readonly op: string; readonly trouble: unknown }

/** How the links of a node are. */
export interface LinksOptions {
  /** Its name, which no other node has or has had. */
  readonly node: string
  /** What all nodes of the cluster know and nobody else does. */
  readonly secret: string
  readonly listen: Place
  /** Where others reach it, if that is not where it listens: a host, or a host and a port. */
  readonly address?: string
  /** Whether to speak TLS, with a key made of the secret. The same at all nodes. */
  readonly encrypted?: boolean
  readonly clock: MonotonicClock
  readonly report: (event: LinkEvent) => void
  /** The node takes nothing, or has given this one up: the two cannot talk any more. Told once. */
  readonly broken: (node: string) => void
  /** See `OutgoingParts`. Default: 64 MiB, 8 s. */
  readonly mostBytes?: number
  readonly patience?: number
}

/** Names of nodes that have gone; a name is never used again. */
const MOST_GONE = 4096
const CLOSE_MS = 2000

/**
 * Direct links between nodes. Frames from one node to another arrive in order, each once, whatever happens to connections, as long as neither
 * has given the other up. Each node makes a connection for what it sends: requests, frames without an answer, and answers.
 */
export class Links {
  /** Where others reach this node. */
  readonly address: string
  readonly #options: LinksOptions
  readonly #own: Identity
  readonly #key: Buffer | undefined
  readonly #server: Server
  readonly #peers = new Map<string, Peer>()
  readonly #gone = new Set<string>()
  readonly #reception: Reception
  #handler: FrameHandler | undefined
  /** Frames that were for nodes that have gone. */
  #forGone = 0
  #closed = false

  private constructor(options: LinksOptions, server: Server, key: Buffer | undefined) {
    this.#options = options
    this.#server = server
    this.#key = key
    const { listen } = options
    const port = 'port' in listen ? (server.address() as AddressInfo).port : 0
    const place = addressOf('port' in listen ? { ...listen, port } : listen)
    this.address = options.address === undefined ? place : withPort(options.address, port)
    this.#own = { node: options.node, address: this.address, secret: options.secret }
    this.#reception = new Reception({
      own: this.#own,
      clock: options.clock,
      refused: (from, trouble) => options.report({ kind: 'refused', from, trouble }),
      admit: (caller, callee, socket) => this.#admit(caller, callee, socket),
    })
  }

  /** Starts to listen. Rejects when the place is taken. */
  static async open(options: LinksOptions): Promise<Links> {
    const key = options.encrypted ? tlsKey(options.secret) : undefined
    let links: Links | undefined
    const server = await listenAt(options.listen, key, socket => {
      // Whoever comes before somebody takes the frames comes again.
      if (links === undefined || links.#handler === undefined || links.#closed) socket.destroy()
      else links.#reception.accept(socket)
    })
    links = new Links(options, server, key)
    return links
  }

  /** Who takes the frames that come. Before that nobody is let in. */
  serve(handler: FrameHandler): void {
    this.#handler = handler
  }

  /** The node is reached here. */
  reach(node: string, address: string): void {
    if (!this.#gone.has(node)) this.#peer(node).outgoing.reach(address)
  }

  /** As `Cluster` has it; also rejects as `overloaded`, `too-large`, or `failed` when the other side could not handle it. */
  request(node: string, frame: Frame): Promise<Answer> {
    if (this.hasGone(node)) return Promise.reject(new ClusterError('gone', `node ${node} has gone`))
    return this.#peer(node).outgoing.request(frame)
  }

  /** As `Cluster` has it. */
  notify(node: string, frame: Frame): void {
    if (this.hasGone(node)) return
    try {
      this.#peer(node).outgoing.notify(frame)
    } catch (trouble) {
      this.#options.report({ kind: 'failed', node, op: frame.op, trouble })
    }
  }

  /** Whether it is known where the node is: it was said, or the node has called. */
  knows(node: string): boolean {
    return this.#peers.has(node)
  }

  /** Whether the node was given up. After `close` all were. */
  hasGone(node: string): boolean {
    return this.#closed || this.#gone.has(node)
  }

  /** The node has gone and does not come back. If it is there all the same it is told so when it calls. */
  end(node: string): void {
    this.#gone.add(node)
    const [oldest] = this.#gone
    if (this.#gone.size > MOST_GONE) this.#gone.delete(oldest!)
    const peer = this.#peers.get(node)
    peer?.end()
    this.#forGone += peer?.outgoing.count ?? 0
    this.#peers.delete(node)
  }

  /** Frames and answers that other nodes were sent since the start. */
  get frames(): number {
    return this.#peers.values().reduce((sum, { outgoing }) => sum + outgoing.count, this.#forGone)
  }

  /** Resolves when nothing is on its way to or from this node. */
  async settled(): Promise<void> {
    for (let busy = this.#busy(peer => peer.busy); busy !== undefined; busy = this.#busy(peer => peer.busy))
      await new Promise<void>(resolve => busy!.onProgress(resolve))
  }

  /** Sends what waits, for two seconds at most, then ends all links. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, CLOSE_MS)
    for (
      let busy = this.#busy(peer => !peer.clear);
      busy !== undefined;
      busy = this.#busy(peer => !peer.clear)
    ) {
      const progress = new Promise<boolean>(resolve => busy!.onProgress(() => resolve(true)))
      if ((await Promise.race([progress, late.promise])) === undefined) break
    }
    clearTimeout(timer)
    for (const peer of this.#peers.values()) peer.end()
    this.#reception.close()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #busy(is: (peer: Peer) => boolean): Peer | undefined {
    for (const peer of this.#peers.values()) if (is(peer)) return peer
    return undefined
  }

  #peer(node: string): Peer {
    const known = this.#peers.get(node)
    if (known !== undefined) return known
    const peer = new Peer(node, new Outgoing(node, undefined, this.#outgoingParts()), {
      handle: (frame, from) => this.#handler!(frame, from),
      failed: (from, op, trouble) => this.#options.report({ kind: 'failed', node: from, op, trouble }),
    })
    this.#peers.set(node, peer)
    return peer
  }

  #outgoingParts(): OutgoingParts {
    const { clock, report, mostBytes = MOST_BYTES, patience = 8 } = this.#options
    return {
      own: this.#own,
      clock,
      connect: address => call(address, this.#key),
      changed: (node, trouble) =>
        report(trouble === undefined ? { kind: 'up', node } : { kind: 'down', node, trouble }),
      broken: node => {
        this.end(node)
        this.#options.broken(node)
      },
      mostBytes,
      patience,
    }
  }

  /** Lets a node in, in place of its connection before this one; or sends it away for good. */
  #admit(caller: KnownCaller, callee: Callee, socket: Socket): Incoming | undefined {
    if (this.hasGone(caller.node)) {
      socket.end(callee.welcome('gone'))
      return undefined
    }
    const peer = this.#peer(caller.node)
    peer.outgoing.reach(caller.address)
    socket.write(callee.welcome(peer.taken))
    return peer.receive(socket)
  }
}

function withPort(address: string, port: number): string {
  return /:\d+$/.test(address.replace(/^\[.*\]/, '')) ? address : `${address}:${port}`
}

/** RFC 5869: another key than the proofs have, from the same secret. */
function tlsKey(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'tidings links tls', 32))
}
