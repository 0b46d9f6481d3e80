/** XEP-0313 §4: answers to queries of users about their own archives. */
import type { IqAnswer, IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { ownSession } from '../../core/iq.ts'
import type { Session } from '../../core/session.ts'
import type { Archive } from '../../storage/types.ts'
import type { Element } from '../../xml/element.ts'
import type { Backlog } from './backlog.ts'
import { ArchiveReader } from './reader.ts'
import { queryForm, readRequest } from './request.ts'
import { isPlaceOf, type UntilDelivered } from './until-delivered.ts'

/** What answers are made of. */
export interface QueriesParts {
  readonly host: Host
  readonly archive: Archive
  readonly backlog: Backlog
  /** Results of one query. */
  readonly most: () => number
  /** Where messages are erased once all devices have them. */
  readonly undelivered: UntilDelivered | undefined
}

/** Answers what users ask about their archives. */
export class Queries {
  readonly #host: Host
  readonly #backlog: Backlog
  readonly #reader: ArchiveReader
  readonly #undelivered: UntilDelivered | undefined

  constructor({ host, archive, backlog, most, undelivered }: QueriesParts) {
    this.#host = host
    this.#backlog = backlog
    this.#reader = new ArchiveReader(host, archive, most)
    this.#undelivered = undelivered
  }

  /** XEP-0313 §4.1.5. Here and below: "If a client requests access to an archive it does not have permissions for", that is forbidden (§7.1). */
  form(iq: IqContext): Element {
    ownSession(iq)
    return queryForm()
  }

  /** XEP-0313 §4: the results, then what is said about them. */
  async query(iq: IqContext): Promise<IqAnswer> {
    const session = ownSession(iq)
    const { owner, payload, stanza } = iq
    const request = readRequest(payload)
    await this.#host.ids.ready()
    const device = await this.#undelivered?.asks(session)
    // docs/decisions/0016: the archive still knows the ids of what a device has had.
    const limits = device && { isPlace: (number: bigint) => isPlaceOf(device, number) }
    // XEP-0313 §5.1.1: who asks here is not handed the same as offline messages. Noted first, so that nothing falls between.
    const [, { page, after }] = await Promise.all([
      this.#backlog.fetches(session),
      this.#reader.read(owner, request, limits),
    ])
    if (device !== undefined && after !== undefined && request.peer === undefined)
      this.#undelivered?.goesOn(owner, device, after)
    return {
      ...this.#reader.answer(owner, stanza.from, request, page),
      after: () => this.#host.hooks.emit('archive:fetched', { owner, entries: page.items }),
    }
  }

  /** XEP-0313 §5 */
  async metadata(iq: IqContext): Promise<Element> {
    ownSession(iq)
    const ends = await this.#reader.ends(iq.owner)
    return this.#reader.metadata(iq.owner, ends)
  }

  /** XEP-0386 §3.2: "the state of the user's message archive at the precise time of resource binding". */
  async bound(session: Session): Promise<Element> {
    const owner = session.jid.bare
    const ends = await this.#reader.ends(owner)
    this.#backlog.knows(session, ends.at(-1)?.id ?? 0n)
    return this.#reader.metadata(owner, ends)
  }
}
