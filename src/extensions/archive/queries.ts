/** XEP-0313 §4: answers to queries. */
import { StanzaError } from '../../core/errors.ts'
import type { IqAnswer, IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { ownSession } from '../../core/iq.ts'
import type { Session } from '../../core/session.ts'
import type { Archive, ArchiveEntry, ArchivePage, ArchiveQuery } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { pageReport } from '../../xml/rsm.ts'
import type { Backlog } from './backlog.ts'
import type { Device } from './devices.ts'
import { type ArchiveRequest, queryForm, readRequest } from './request.ts'
import { printResults } from './results.ts'
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
  readonly #archive: Archive
  readonly #backlog: Backlog
  readonly #most: () => number
  readonly #undelivered: UntilDelivered | undefined

  constructor({ host, archive, backlog, most, undelivered }: QueriesParts) {
    this.#host = host
    this.#archive = archive
    this.#backlog = backlog
    this.#most = most
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
    // XEP-0313 §5.1.1: who asks here is not handed the same as offline messages. Noted first, so that nothing falls between.
    const [, page] = await Promise.all([this.#backlog.fetches(session), this.#page(owner, request, device)])
    const ids = this.#host.ids.texts(
      owner,
      page.items.map(({ id }) => id),
    )
    const { numbered } = this.#host.ids
    const results = printResults(page.items, {
      owner,
      to: stanza.from,
      queryId: request.queryId,
      ids,
      numbered,
    })
    return {
      before: request.flipped ? results.reverse() : results,
      payload: end(page, ids),
      after: () => this.#host.hooks.emit('archive:fetched', { owner, entries: page.items }),
    }
  }

  /** XEP-0313 §5 */
  async metadata(iq: IqContext): Promise<Element> {
    ownSession(iq)
    const ends = await this.#ends(iq.owner)
    return this.#metadata(iq.owner, ends)
  }

  /** XEP-0386 §3.2: "the state of the user's message archive at the precise time of resource binding". */
  async bound(session: Session): Promise<Element> {
    const owner = session.jid.bare
    const ends = await this.#ends(owner)
    this.#backlog.knows(session, ends.at(-1)?.id ?? 0n)
    return this.#metadata(owner, ends)
  }

  /** The oldest and the newest item; nothing if there is none. */
  async #ends(owner: JID): Promise<readonly ArchiveEntry[]> {
    await this.#host.ids.ready()
    const [oldest, newest] = await Promise.all([
      this.#archive.page(owner, { limit: 1 }),
      this.#archive.page(owner, { limit: 1, reverse: true }),
    ])
    return [...oldest.items, ...newest.items]
  }

  #metadata(owner: JID, [oldest, newest]: readonly ArchiveEntry[]): Element {
    const end = (name: string, entry: ArchiveEntry | undefined) =>
      entry && xml(name, { id: this.#host.ids.text(owner, entry.id), timestamp: dateTime(entry.time) })
    return xml('metadata', { xmlns: NS.archive }, end('start', oldest), end('end', newest))
  }

  /** What matches, oldest first. */
  async #page(owner: JID, request: ArchiveRequest, device: Device | undefined): Promise<ArchivePage> {
    const { peer, start, end, page } = request
    const number = (id: string | undefined) => (id === undefined ? undefined : this.#numberOf(owner, id))
    // XEP-0059 §2.5: an empty one means the end of all.
    const backwards = page.before !== undefined
    const after = greatest(number(request.afterId), number(page.after))
    const before = least(number(request.beforeId), number(page.before || undefined))
    const ids = request.ids?.map(id => this.#numberOf(owner, id))
    const limit = Math.min(page.max ?? Number.POSITIVE_INFINITY, this.#most())
    // XEP-0059 §2.7: who asks for nothing wants to know how many there are: of all that the form asks for, whatever page is named.
    const counts = limit === 0
    const [low, high] = counts ? [number(request.afterId), number(request.beforeId)] : [after, before]
    const query: ArchiveQuery = {
      ...(peer && { peer }),
      ...(start !== undefined && { start }),
      ...(end !== undefined && { end }),
      ...(low !== undefined && { after: low }),
      ...(high !== undefined && { before: high }),
      ...(ids && { ids }),
      reverse: backwards,
      limit,
      count: counts,
    }
    const named = this.#named(owner, request, device)
    const found = await this.#matching(owner, named, query)
    if (device !== undefined && after !== undefined && peer === undefined)
      this.#undelivered?.goesOn(owner, device, after)
    return backwards ? { ...found, items: found.items.toReversed() } : found
  }

  /** Reads a page, and sees to it that all ids that are named are there: in one read where a client goes on from the page before. */
  async #matching(owner: JID, named: ReadonlySet<bigint>, query: ArchiveQuery): Promise<ArchivePage> {
    const { reverse, after, before, limit = 0 } = query
    const [from] = named
    const goesOn =
      named.size === 1 && from === (reverse ? before : after) && limit > 0 && limit < MOST_AT_ONCE
    if (!goesOn || from === undefined) {
      const [found] = await Promise.all([this.#archive.page(owner, query), this.#requireAll(owner, named)])
      return found
    }
    const inclusive = reverse ? { before: from + 1n } : { after: from - 1n }
    const { items, more } = await this.#archive.page(owner, { ...query, ...inclusive, limit: limit + 1 })
    if (items[0]?.id === from) return { items: items.slice(1), more }
    // It is none of those that match.
    await this.#requireAll(owner, named)
    return { items: items.slice(0, limit), more: more || items.length > limit }
  }

  /** The numbers of all ids that a query names and that must be there. */
  #named(owner: JID, request: ArchiveRequest, device: Device | undefined): ReadonlySet<bigint> {
    const { afterId, beforeId, ids = [], page } = request
    const numbers = (named: readonly (string | undefined)[]) =>
      named.flatMap(id => (id === undefined ? [] : [this.#numberOf(owner, id)]))
    const places = numbers([afterId, beforeId, page.after, page.before || undefined])
    // docs/decisions/0016: the archive still knows the ids of what a device has had.
    const unknown = device === undefined ? places : places.filter(place => !isPlaceOf(device, place))
    return new Set([...unknown, ...numbers(ids)])
  }

  /** XEP-0313 §4.1.3, §4.3.2: all ids that a query names must be in the archive. */
  async #requireAll(owner: JID, numbers: ReadonlySet<bigint>): Promise<void> {
    let found = 0
    const all = [...numbers]
    for (let i = 0; i < all.length; i += MOST_AT_ONCE) {
      const part = all.slice(i, i + MOST_AT_ONCE)
      for (let left = part; left.length > 0; ) {
        const { items, more } = await this.#archive.page(owner, { ids: left, limit: MOST_AT_ONCE })
        found += items.length
        const last = items.at(-1)?.id
        // A page of large messages is shorter than its limit.
        left = more && last !== undefined ? left.filter(id => id > last) : []
      }
    }
    if (found < numbers.size) throw new StanzaError('item-not-found')
  }

  #numberOf(owner: JID, id: string): bigint {
    const number = this.#host.ids.parse(owner, id)
    if (number === undefined) throw new StanzaError('item-not-found')
    return number
  }
}

/** XEP-0313 §4.3: what is said about a page, the ids of which are these. */
function end({ more, total }: ArchivePage, ids: readonly string[]): Element {
  const [first, last] = [ids[0], ids.at(-1)]
  return xml(
    'fin',
    { xmlns: NS.archive, ...(!more && { complete: 'true' }) },
    pageReport({
      ...(first !== undefined && last !== undefined && { ends: [first, last] }),
      ...(total !== undefined && { count: total }),
    }),
  )
}

/** Ids in one read of the storage. */
const MOST_AT_ONCE = 1_000

function greatest(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}

function least(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
