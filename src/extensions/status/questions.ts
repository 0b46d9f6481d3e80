import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { ownSession } from '../../core/iq.ts'
import { archivedStanza } from '../../core/pages.ts'
import { dateTime, parseDateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Marks, PeerMark, Progress, Reference } from './marks.ts'

/** When a message was delivered and read, at the latest, ms since 1970. As JSON. */
export interface Times {
  readonly delivered?: number
  readonly read?: number
}

/** Marks in one answer; a client asks for the rest by the next question. */
const MOST = 200
/** A mark may be stored this much later than the time that it bears. What is told twice does no harm. */
const OVERLAP_MS = 60_000

/** Answers what users ask about messages. */
export class Questions {
  readonly #host: Host
  readonly #marks: Marks

  constructor(host: Host, marks: Marks) {
    this.#host = host
    this.#marks = marks
  }

  /** How far one message has come, which is in the asker's archive: whoever wrote it or whom it was written to. */
  async one(iq: IqContext): Promise<Element> {
    const { owner, payload } = iq
    // XEP-0313 §7.1: who may not see an archive learns nothing of what is in it.
    ownSession(iq)
    await this.#host.ids.ready()
    const id: unknown = payload.attrs.id
    if (typeof id !== 'string' || id === '') throw new StanzaError('bad-request', { text: 'id is missing' })
    const number = this.#host.ids.parse(owner, id)
    const found =
      number === undefined
        ? []
        : (await this.#host.storage.archive('messages').page(owner, { ids: [number] })).items
    const [entry] = found
    if (entry === undefined) throw new StanzaError('item-not-found')
    const author = archivedStanza(entry)
    const times = author.from.bare.equals(owner)
      ? timesAt(entry.id, await this.#marks.progress(owner, entry.peer.bare.toString()))
      : await this.#elsewhere(owner, author, entry.time)
    return this.#answer(id, author.from.bare.equals(owner) ? entry.peer.bare : owner, times)
  }

  /** All marks of the asker's that have moved since a moment. */
  async changes(iq: IqContext): Promise<Element> {
    const { owner, payload } = iq
    ownSession(iq)
    await this.#host.ids.ready()
    const given: unknown = payload.attrs.since
    const since = given === undefined ? 0 : parseDateTime(String(given))
    if (since === undefined)
      throw new StanzaError('bad-request', { text: 'a moment is written as in XEP-0082' })
    const asked = this.#host.clock.now()
    const changed: PeerMark[] = []
    for await (const mark of this.#marks.all(owner)) if (mark.mark.time >= since) changed.push(mark)
    changed.sort((one, other) => one.mark.time - other.mark.time)
    const last = changed[MOST - 1]?.mark.time
    // Those of one moment stay together, so that the next question begins behind it.
    const told = last === undefined ? changed : changed.filter(({ mark }) => mark.time <= last)
    const complete = told.length === changed.length
    const cursor = complete ? Math.max(asked - OVERLAP_MS, since) : last! + 1
    const marks = told.map(({ state, peer, mark }) =>
      xml(state, { user: peer, id: this.#host.ids.text(owner, mark.value), at: dateTime(mark.time) }),
    )
    return xml(
      'changes',
      { xmlns: NS.status, cursor: dateTime(cursor), ...(complete && { complete: 'true' }) },
      ...marks,
    )
  }

  /** The same, by what the reader's side knows of a message. */
  async timesOf(owner: JID, peer: string, reference: Reference): Promise<Times> {
    const number = await this.#marks.find(owner, peer, reference)
    return number === undefined ? {} : timesAt(number, await this.#marks.progress(owner, peer))
  }

  /** Marks are with whoever wrote the message. */
  #elsewhere(owner: JID, { from, id }: Stanza, time: number): Promise<Times> | Times {
    // Nobody here knows what the server of somebody elsewhere knows.
    if (id === undefined || from.local === '' || this.#host.router.host(from.domain) === undefined) return {}
    const message = { peer: owner.toString(), reference: { id, time } }
    return this.#host.router.atHome.run('status:of', from.bare, message)
  }

  #answer(id: string, user: JID, { delivered, read }: Times): Element {
    const state = read !== undefined ? 'read' : delivered !== undefined ? 'delivered' : 'sent'
    return xml('status', {
      xmlns: NS.status,
      id,
      user: user.toString(),
      state,
      ...(delivered !== undefined && { delivered: dateTime(delivered) }),
      ...(read !== undefined && { read: dateTime(read) }),
    })
  }
}

function timesAt(number: bigint, { delivered, read }: Progress): Times {
  return {
    ...(delivered && number <= delivered.value && { delivered: delivered.time }),
    ...(read && number <= read.value && { read: read.time }),
  }
}
