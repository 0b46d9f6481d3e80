import { slotOf } from '../../cluster/slots.ts'
import type { Answer, Frame } from '../../cluster/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { StreamState } from '../carried.ts'
import { errorReply, StanzaError } from '../errors.ts'
import type { Maybe } from '../maybe.ts'
import { isRepeatable } from '../resends.ts'
import type { Router } from '../router.ts'
import type { Session, SessionHandle } from '../session.ts'
import { packAll, type Unacknowledged } from '../unacknowledged.ts'
import type { Asked } from './asked.ts'
import type { Channels } from './channels.ts'
import type { Errand } from './errands.ts'
import type { Ports } from './ports.ts'

/** What all handles of a node share. */
export interface HandleParts {
  readonly router: Router
  readonly channels: Channels
  readonly ports: Ports
  readonly asked: Asked
}

/**
 * The connection's end of a session, whose home may be this node or another one, and moves: it goes straight to a home that is here, and
 * by frames to another. There is one for each session, so it is small.
 */
export class Handle implements SessionHandle {
  readonly jid: JID
  readonly #parts: HandleParts
  /** Of its owner. */
  readonly #slot: number
  /** While its home is this node; or was, and what it had begun there is not done. */
  #session: Session | undefined
  /** Of its connection at this node; 0 as long as its home has never been elsewhere. */
  #number: number
  /** How much has been asked of its home: that keeps its order also when the home moves. */
  #count = 0

  /** For the connection `number` of this node. */
  constructor(jid: JID, parts: HandleParts, number = 0) {
    this.jid = jid
    this.#parts = parts
    this.#slot = slotOf(jid.bare.toString())
    this.#number = number
  }

  /** Its home is this node. */
  arrive(session: Session): this {
    this.#session = session
    this.#number = session.number
    if (this.#number !== 0) this.#parts.ports.name(this.#number, this)
    session.handle = this
    return this
  }

  /** Its home leaves this node. */
  depart(number: number): void {
    this.#number = number
  }

  submit(stanza: Stanza): Maybe<void> {
    const number = ++this.#count
    const session = this.#here
    return session === undefined
      ? this.forward(stanza, number)
      : this.#parts.router.submit(stanza, session, number)
  }

  /** Has a stanza go to its home by a frame. */
  async forward(stanza: Stanza, number: number): Promise<void> {
    const frame = { op: 'submit', stanza: stanza.toFrame() }
    try {
      const taken = this.#ask(frame, number, isRepeatable(stanza))
      if (stanza.kind === 'iq') this.#parts.asked.begin(stanza, taken, answer => this.#answer(answer))
      await taken
    } catch (error) {
      // Its home answers for what it meets with itself: this one was never reached, or is no more.
      const reply = errorReply(stanza, StanzaError.from(error))
      if (reply !== undefined) this.#answer(reply)
    }
  }

  #answer(reply: Stanza): void {
    // One whose home has never been elsewhere has no number.
    const connection = this.#parts.ports.own(this.#number) ?? this.#session
    connection?.send(reply)
  }

  stream(state: StreamState): void {
    const session = this.#here
    if (session !== undefined) session.carried.state = state
    else this.#tell({ op: 'stream', state })
  }

  acknowledged(sent: readonly Unacknowledged[]): void {
    this.#parts.router.sessionEnds.acknowledged(this.jid, sent)
  }

  unbind(lost = false, unacknowledged?: () => readonly Unacknowledged[]): Maybe<void> {
    const session = this.#here
    return session === undefined
      ? this.#unbindFar(lost, unacknowledged)
      : this.#parts.router.sessionEnds.unbind(session, lost, unacknowledged)
  }

  async #unbindFar(
    lost: boolean,
    unacknowledged: (() => readonly Unacknowledged[]) | undefined,
  ): Promise<void> {
    try {
      // What was sent to it meanwhile has come when this is answered.
      if (unacknowledged !== undefined) await this.#ask({ op: 'lose' })
      const left = packAll(unacknowledged?.() ?? [])
      // RFC 6120 §4.4: what the home has sent before it knows still goes out.
      await this.#ask({ op: 'unbind', lost, left })
    } finally {
      this.#parts.ports.delete(this.#number)
    }
  }

  async move(node: string, other: number): Promise<void> {
    const session = this.#here
    if (session !== undefined) this.#parts.router.move(session, node, other)
    else await this.#ask({ op: 'move', node, other }).finally(() => this.#parts.ports.delete(this.#number))
  }

  /** The session, where nothing of it is on its way to another home. */
  get #here(): Session | undefined {
    const session = this.#session
    if (session === undefined || session.left !== undefined) return undefined
    return this.#parts.channels.isIdle(this.#slot) ? session : undefined
  }

  #ask(frame: Frame, number = ++this.#count, repeatable = true): Promise<Answer> {
    const owner = this.jid.bare.toString()
    const port = this.#number
    const errand: Errand = { owner, frame: { ...frame, owner, port }, repeatable, port, number }
    return this.#parts.channels.send(errand).answer
  }

  #tell(frame: Frame): void {
    this.#ask(frame).catch(() => {})
  }
}
