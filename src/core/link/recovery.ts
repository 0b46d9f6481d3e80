/** Homes that have died: what the connections of their sessions remember (docs/decisions/0022, 0024). */
import { slotOf } from '../../cluster/slots.ts'
import type { Answer, Cluster, Frame } from '../../cluster/types.ts'
import { JID } from '../../xml/jid.ts'
import { Owner } from '../homes.ts'
import type { Session } from '../session.ts'
import type { Asked } from './asked.ts'
import type { Attachments, Place } from './attachments.ts'
import type { HandleParts } from './handle.ts'
import { type SharedSession, shared, type Unpacked, unpackShared } from './moving-state.ts'
import type { Ports } from './ports.ts'

/** A session that a node has the connection of, as it was told to remember it. */
interface Remembered {
  readonly number: number
  readonly shared: SharedSession
  /** See core/link/ports.ts: from which archived message on it is not certain what has been delivered. */
  readonly from?: string
  readonly turn: number
}

/** An owner as far as connections know, with what is to be done for the sessions. */
export interface Recovered {
  readonly owner: Owner
  readonly arrived: Unpacked[]
}

/** Asks all nodes for the sessions of homes that have died, and tells what this one knows. */
export class Recovery {
  readonly #cluster: Cluster
  readonly #ports: Ports
  readonly #asked: Asked
  readonly #services: Attachments

  constructor(
    cluster: Cluster,
    { ports, asked }: Pick<HandleParts, 'ports' | 'asked'>,
    services: Attachments,
  ) {
    this.#cluster = cluster
    this.#ports = ports
    this.#asked = asked
    this.#services = services
  }

  /** Homes of some slots have died: what this node knows of their sessions, the answer to `recover`. Who has asked them something is answered. */
  take({ slots }: Frame): Answer {
    const wanted = new Set(String(slots).split(',').map(Number))
    this.#asked.died(wanted)
    const found: Remembered[] = []
    for (const [number, handle, { remembered, delivered, turn }] of this.#ports.sessions()) {
      if (remembered === undefined || !wanted.has(slotOf(handle.jid.bare.toString()))) continue
      const from = delivered.from?.toString()
      found.push({ number, shared: JSON.parse(remembered), turn, ...(from !== undefined && { from }) })
    }
    return { sessions: JSON.stringify(found), services: JSON.stringify(this.#services.ownOf(wanted)) }
  }

  /** The owners of some slots, whose home was a node that has died. Connects their services. */
  async recover(slots: ReadonlySet<number>): Promise<Iterable<Recovered>> {
    const { node: here, nodes } = this.#cluster
    const frame = { op: 'recover', slots: [...slots].join(',') }
    const others = nodes.filter(node => node !== here).map(node => this.#ask(node, frame))
    const own = [here, this.take(frame)] as const
    const owners = new Map<string, Recovered>()
    for (const [node, { sessions, services }] of [own, ...(await Promise.all(others))]) {
      for (const one of JSON.parse(String(sessions ?? '[]')) as Remembered[]) this.#restore(node, one, owners)
      this.#services.arrive(JSON.parse(String(services ?? '[]')) as Place[])
    }
    return owners.values()
  }

  /**
   * What a node answers; nothing where it is gone. One that is slow is waited for, and one that is frozen until it is given up: a session that the new home
   * does not know of would get nothing any more, and its client would not notice.
   */
  async #ask(node: string, frame: Frame): Promise<readonly [string, Answer]> {
    return [node, await this.#cluster.request(node, frame).catch((): Answer => ({}))]
  }

  #restore(node: string, { number, shared, from, turn }: Remembered, owners: Map<string, Recovered>): void {
    const { bare } = JID.parse(shared.jid)
    const key = bare.toString()
    const { owner, arrived } = owners.get(key) ?? { owner: new Owner(bare), arrived: [] }
    owners.set(key, { owner, arrived })
    const session = unpackShared(shared, node, number, this.#ports.at(node, number, bare))
    // Its streams' messages are not known any more; what the archives know of them is.
    owner.messages = Math.max(owner.messages, turn)
    owner.sessions.push(session)
    const got = from === undefined ? session.before : BigInt(from) - 1n
    if (got !== undefined) session.handed = { after: got, upTo: got }
    arrived.push({ session, catchingUp: session.reachable })
  }
}

/** What the connection of a session is told when that has changed, at the end of the turn in which it has. */
export function remembering(session: Session, tell: (frame: Frame) => void): () => void {
  let due = false
  return () => {
    if (due) return
    due = true
    queueMicrotask(() => {
      due = false
      if (session.over) return
      tell({ op: 'remember', port: session.number, state: JSON.stringify(shared(session)) })
    })
  }
}
