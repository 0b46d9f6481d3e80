import type { Answer, Cluster, Frame, FrameValue } from '../../cluster/types.ts'
import type { Element } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import { StreamError } from '../../xml/stream-error.ts'
import type { StreamState } from '../carried.ts'
import { type Maybe, then } from '../maybe.ts'
import type { Session, SessionHandle, SessionPort } from '../session.ts'
import type { BindWish, BoundHandle } from '../sessions.ts'
import { type HandedOver, packAll, unpackAll } from '../unacknowledged.ts'
import { answering, ask } from './frames.ts'
import { Handle, type HandleParts } from './handle.ts'
import { remembering } from './recovery.ts'

/** A session that goes on over a connection of this node. */
export interface Fetched {
  readonly handle: SessionHandle
  readonly state: HandedOver
}

/**
 * Gives up the connection of a session for the connection `number` of `node`, and has the session's home know; undefined when this node
 * has no such session.
 */
export type Release = (
  account: JID,
  id: string,
  node: string,
  number: number,
) => Promise<{ readonly jid: JID; readonly state: HandedOver } | undefined>

/**
 * Sessions whose connections are known by numbers, since their homes are, or have been, other nodes.
 * From a connection to its home: bind, submit, stream (how that is), lose (its connection), unbind, move (to another connection), nodes (that have sessions
 * of an account). From a connection to another: fetch.
 */
export class RemoteSessions {
  readonly #cluster: Cluster
  readonly #parts: HandleParts
  /** Those whose home is this node: by the node and the number of their connection. */
  readonly #sessions = new Map<string, Map<number, Session>>()

  constructor(cluster: Cluster, parts: HandleParts) {
    this.#cluster = cluster
    this.#parts = parts
  }

  /** Binds a connection of this node to an account whose home is another one. */
  async bind(account: JID, wish: BindWish, port: SessionPort): Promise<BoundHandle> {
    const { ports, channels } = this.#parts
    const number = ports.add(port)
    const { resource, device, inline } = wish
    const owner = account.bare.toString()
    const asked = inline && printAlone(inline)
    const frame: Frame = { op: 'bind', owner, resource, device, inline: asked, port: number }
    const answer = await channels.send({ owner, frame, repeatable: true }).answer.catch((error: unknown) => {
      ports.delete(number)
      throw error
    })
    return { handle: this.#handle(JID.parse(String(answer.jid)), number), inline: elementIn(answer.inline) }
  }

  /** What the connection `number` of this node needs of its session. */
  #handle(jid: JID, number: number): Handle {
    const handle = new Handle(jid, this.#parts, number)
    this.#parts.ports.name(number, handle)
    const here = this.#at(this.#cluster.node, number)
    return here === undefined ? handle : handle.arrive(here)
  }

  /** Nodes that have connections of an account whose home is another node. */
  async nodes(account: JID): Promise<readonly string[]> {
    const owner = account.bare.toString()
    const frame = { op: 'nodes', owner }
    const { nodes } = await this.#parts.channels.send({ owner, frame, repeatable: true }).answer
    return JSON.parse(String(nodes))
  }

  /** Asks another node for a session of an account, for a connection of this one; undefined when there is none with this id. */
  async fetch(node: string, account: JID, id: string, port: SessionPort): Promise<Fetched | undefined> {
    const { ports } = this.#parts
    const number = ports.add(port)
    const frame = { op: 'fetch', account: account.toString(), id, port: number }
    const answer = await ask(this.#cluster, node, frame).catch((): Answer => ({}))
    if (answer.jid === undefined) {
      ports.delete(number)
      return undefined
    }
    const unacknowledged = unpackAll(answer.unacknowledged as Buffer)
    return {
      handle: this.#handle(JID.parse(String(answer.jid)), number),
      state: { handled: Number(answer.handled), sent: Number(answer.sent), unacknowledged },
    }
  }

  /** Has a session whose home is this node go on over another connection. */
  move(session: Session, node: string, number: number): void {
    this.delete(session)
    session.moveTo(node, this.#parts.ports.at(node, number, session.jid), number)
    // It was closed when the connection it had was being left.
    if (session.ended) session.port.close(new StreamError('conflict', 'the session has ended'))
    this.add(session)
  }

  /** The connection of a session has a number, and its home is this node. */
  add(session: Session): void {
    const sessions = this.#sessions.get(session.node)
    if (sessions === undefined) this.#sessions.set(session.node, new Map([[session.number, session]]))
    else sessions.set(session.number, session)
    const { node } = this.#cluster
    session.changed =
      session.node === node
        ? undefined
        : remembering(session, frame => this.#cluster.notify(session.node, frame))
    session.changed?.()
  }

  /** A session has ended, or its home is another node. */
  delete(session: Session): void {
    if (session.number === 0) return
    const sessions = this.#sessions.get(session.node)
    if (sessions?.get(session.number) !== session) return
    sessions.delete(session.number)
    if (sessions.size === 0) this.#sessions.delete(session.node)
  }

  #at(node: string, number: number): Session | undefined {
    return this.#sessions.get(node)?.get(number)
  }

  /** Takes a frame of a connection; undefined if it is none. */
  take(frame: Frame, from: string): Answer | Promise<Answer> | undefined {
    switch (frame.op) {
      case 'bind':
        return answering(() => this.#bindFor(from, frame))
      case 'submit':
      case 'stream':
      case 'lose':
      case 'unbind':
      case 'move':
        return this.#takeFor(this.#at(from, Number(frame.port)), frame)
      case 'nodes':
        return { nodes: JSON.stringify(this.#parts.router.nodesHere(JID.parse(String(frame.owner)))) }
      case 'fetch':
        return answering(() => this.#release(frame, from))
      default:
        return undefined
    }
  }

  /** A frame of a session's connection. The session may have ended. */
  #takeFor(session: Session | undefined, frame: Frame): Answer | Promise<Answer> {
    const { router } = this.#parts
    switch (frame.op) {
      case 'submit':
        return answering(() => session && router.submit(Stanza.fromFrame(frame.stanza as Buffer), session))
      case 'stream':
        if (session !== undefined) {
          session.carried.state = frame.state as StreamState
          session.changed?.()
        }
        return {}
      case 'lose':
        session?.lose()
        return {}
      case 'unbind':
        return answering(
          () =>
            session &&
            router.sessionEnds.unbind(session, frame.lost === true, () => unpackAll(frame.left as Buffer)),
        )
      default:
        if (session !== undefined) this.move(session, String(frame.node), Number(frame.other))
        return {}
    }
  }

  async #release({ account, id, port }: Frame, node: string): Promise<Answer> {
    const owner = JID.parse(String(account))
    const released = await this.#parts.router.release?.(owner, String(id), node, Number(port))
    if (released === undefined) return {}
    const { jid, state } = released
    const { handled, sent, unacknowledged } = state
    return { jid: jid.toString(), handled, sent, unacknowledged: packAll(unacknowledged) }
  }

  #bindFor(node: string, frame: Frame): Maybe<Answer> {
    const { router, ports } = this.#parts
    const account = JID.parse(String(frame.owner))
    const number = Number(frame.port)
    const request = {
      account,
      node,
      number,
      port: ports.at(node, number, account),
      resource: frame.resource as string | undefined,
      device: frame.device as string | undefined,
      inline: elementIn(frame.inline),
    }
    return then(router.sessions.bind(router.hostOf(account), request), ({ session, inline: bound }) => {
      // An owner's home may have begun to move meanwhile: then whoever takes its sessions along has done this.
      if (session.left === undefined && !session.ended) this.add(session)
      return { jid: session.jid.toString(), inline: bound && printAlone(bound) }
    })
  }
}

function elementIn(text: FrameValue): Element | undefined {
  return text === undefined ? undefined : parseElement(String(text))
}
