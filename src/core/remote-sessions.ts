import type { Answer, Cluster, Frame, FrameValue } from '../cluster/types.ts'
import type { Element } from '../xml/element.ts'
import { JID } from '../xml/jid.ts'
import { Stanza } from '../xml/stanza.ts'
import { parseElement, printAlone } from '../xml/stored.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { StreamState } from './carried.ts'
import { answering, ask } from './frames.ts'
import { LocalHandle } from './local-handle.ts'
import { type Maybe, then } from './maybe.ts'
import type { Ports } from './ports.ts'
import type { Router } from './router.ts'
import type { Session, SessionHandle, SessionPort } from './session.ts'
import type { BindWish, BoundHandle } from './sessions.ts'
import { type HandedOver, packAll, unpackAll } from './unacknowledged.ts'

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
 * Sessions whose home is one node and whose connection is at another.
 * From a connection to its home: bind, submit, stream (how that is), lose (its connection), unbind, move (to another connection), nodes (that have sessions
 * of an account). From a connection to another: fetch.
 */
export class RemoteSessions {
  readonly #cluster: Cluster
  readonly #router: Router
  readonly #ports: Ports
  /** Those whose home is this node: by `node number` of their connection. */
  readonly #sessions = new Map<string, Session>()
  /** Those whose home is this node and that go on over a connection of it, by its number, until that is told. */
  readonly #arriving = new Map<number, Session>()

  constructor(cluster: Cluster, router: Router, ports: Ports) {
    this.#cluster = cluster
    this.#router = router
    this.#ports = ports
  }

  /** Binds a connection of this node to an account whose home is `home`. */
  async bind(home: string, account: JID, wish: BindWish, port: SessionPort): Promise<BoundHandle> {
    const number = this.#ports.add(port)
    const { resource, device, inline } = wish
    const asked = inline && printAlone(inline)
    const frame: Frame = {
      op: 'bind',
      account: account.toString(),
      resource,
      device,
      inline: asked,
      port: number,
    }
    const answer = await ask(this.#cluster, home, frame).catch((error: unknown) => {
      this.#ports.delete(number)
      throw error
    })
    const handle = this.handle(home, JID.parse(String(answer.jid)), number)
    return { handle, inline: elementIn(answer.inline) }
  }

  /** What the connection `number` of this node needs of its session, whose home is `home`. */
  handle(home: string, jid: JID, number: number): SessionHandle {
    const request = (frame: Frame): Promise<Answer> => this.#cluster.request(home, { ...frame, port: number })
    return {
      jid,
      submit: async stanza => {
        await request({ op: 'submit', stanza: stanza.pack() })
      },
      stream: state => this.#cluster.notify(home, { op: 'stream', port: number, state }),
      acknowledged: sent => this.#router.acknowledged(jid, sent),
      unbind: async (lost = false, unacknowledged) => {
        // What was sent to it meanwhile has come when this is answered.
        if (unacknowledged !== undefined) await request({ op: 'lose' })
        const left = packAll(unacknowledged?.() ?? [])
        // RFC 6120 §4.4: what the home has sent before it knows still goes out.
        await request({ op: 'unbind', lost, left }).finally(() => this.#ports.delete(number))
      },
      move: async (node, other) => {
        await request({ op: 'move', node, other }).finally(() => this.#ports.delete(number))
      },
    }
  }

  /** Nodes that have connections of an account whose home is `home`. */
  async nodes(home: string, account: JID): Promise<readonly string[]> {
    const { nodes } = await ask(this.#cluster, home, { op: 'nodes', account: account.toString() })
    return JSON.parse(String(nodes))
  }

  /** Asks another node for a session of an account, for a connection of this one; undefined when there is none with this id. */
  async fetch(node: string, account: JID, id: string, port: SessionPort): Promise<Fetched | undefined> {
    const number = this.#ports.add(port)
    const frame = { op: 'fetch', account: account.toString(), id, port: number }
    const answer = await ask(this.#cluster, node, frame).catch((): Answer => ({}))
    if (answer.jid === undefined) {
      this.#ports.delete(number)
      return undefined
    }
    const jid = JID.parse(String(answer.jid))
    const home = await this.#cluster.homeFound(account.toString())
    const session = this.#arriving.get(number)
    this.#arriving.delete(number)
    const handle =
      home !== this.#cluster.node
        ? this.handle(home, jid, number)
        : session && new LocalHandle(this.#router, session)
    const unacknowledged = unpackAll(answer.unacknowledged as Buffer)
    return (
      handle && {
        handle,
        state: { handled: Number(answer.handled), sent: Number(answer.sent), unacknowledged },
      }
    )
  }

  /** Has a session whose home is this node go on over another connection. */
  move(session: Session, node: string, number: number): void {
    session.moveTo(node, this.#ports.at(node, number))
    // It was closed when the connection it had was being left.
    if (session.ended) session.port.close(new StreamError('conflict', 'the session has ended'))
    if (node !== this.#cluster.node) this.#sessions.set(`${node} ${number}`, session)
    else {
      this.#ports.delete(number)
      this.#arriving.set(number, session)
    }
  }

  /** Takes a frame of a connection of another node; undefined if it is none. */
  take(frame: Frame, from: string): Answer | Promise<Answer> | undefined {
    switch (frame.op) {
      case 'bind':
        return answering(() => this.#bindFor(from, frame))
      case 'submit':
      case 'stream':
      case 'lose':
      case 'unbind':
      case 'move':
        return this.#takeFor(this.#sessions.get(`${from} ${frame.port}`), frame, from)
      case 'nodes':
        return { nodes: JSON.stringify(this.#router.nodesHere(JID.parse(String(frame.account)))) }
      case 'fetch':
        return answering(() => this.#release(frame, from))
      default:
        return undefined
    }
  }

  /** A frame of a session's connection. The session may have ended. */
  #takeFor(session: Session | undefined, frame: Frame, from: string): Answer | Promise<Answer> {
    const { op } = frame
    if (op === 'submit')
      return answering(() => session && this.#router.submit(Stanza.unpack(frame.stanza as Buffer), session))
    if (op === 'stream') {
      if (session !== undefined) session.carried.state = frame.state as StreamState
      return {}
    }
    if (op === 'lose') {
      session?.lose()
      return {}
    }
    // The connection is no longer the session's.
    this.#sessions.delete(`${from} ${frame.port}`)
    if (op === 'unbind') {
      const left = () => unpackAll(frame.left as Buffer)
      return answering(() => session && this.#router.unbind(session, frame.lost === true, left))
    }
    if (session !== undefined) this.move(session, String(frame.node), Number(frame.other))
    return {}
  }

  async #release({ account, id, port }: Frame, node: string): Promise<Answer> {
    const owner = JID.parse(String(account))
    const released = await this.#router.release?.(owner, String(id), node, Number(port))
    if (released === undefined) return {}
    const { jid, state } = released
    const { handled, sent, unacknowledged } = state
    return { jid: jid.toString(), handled, sent, unacknowledged: packAll(unacknowledged) }
  }

  #bindFor(node: string, frame: Frame): Maybe<Answer> {
    const account = JID.parse(String(frame.account))
    const request = {
      account,
      node,
      port: this.#ports.at(node, Number(frame.port)),
      resource: frame.resource as string | undefined,
      device: frame.device as string | undefined,
      inline: elementIn(frame.inline),
    }
    return then(
      this.#router.sessions.bind(this.#router.hostOf(account), request),
      ({ session, inline: bound }) => {
        this.#sessions.set(`${node} ${frame.port}`, session)
        return { jid: session.jid.toString(), inline: bound && printAlone(bound) }
      },
    )
  }
}

function elementIn(text: FrameValue): Element | undefined {
  return text === undefined ? undefined : parseElement(String(text))
}
