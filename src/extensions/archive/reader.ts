/** XEP-0313 §4: reading an archive as a query asks, whosever it is. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Archive, ArchiveEntry, ArchivePage, ArchiveQuery } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { pageReport } from '../../xml/rsm.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { ArchiveRequest } from './request.ts'
import { printResults } from './results.ts'

/** What of an archive may be seen, and how. */
export interface ReadingLimits {
  /** Nothing older, in ms since 1970. */
  readonly start?: number | undefined
  /** Nothing newer. */
  readonly end?: number | undefined
  /** Whether one may go on from this place though nothing is there any more. */
  readonly isPlace?: (number: bigint) => boolean
}

/** A page, and what a query asks for beside it. */
export interface Reading {
  readonly page: ArchivePage
  /** The place that the page comes after, if one was named. */
  readonly after: bigint | undefined
}

/** Reads the archives of one kind of owners. */
export class ArchiveReader {
  readonly #host: Host
  readonly #archive: Archive
  readonly #most: () => number

  /** `most`: results of one query. */
  constructor(host: Host, archive: Archive, most: () => number) {
    this.#host = host
    this.#archive = archive
    this.#most = most
  }

  /** What matches, oldest first. `Host.ids` are ready. */
  async read(owner: JID, request: ArchiveRequest, limits: ReadingLimits = {}): Promise<Reading> {
    const { peer, page } = request
    const start = greatest(request.start, limits.start)
    const end = least(request.end, limits.end)
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
    const named = this.#named(owner, request, limits)
    const found = await this.#matching(owner, named, query, limits)
    return { page: backwards ? { ...found, items: found.items.toReversed() } : found, after }
  }

  /** XEP-0313 §4.2, XEP-0313 §4.3: the results of a query, and what is said about them. `items` are those of the page, as they are to be shown. */
  answer(
    owner: JID,
    to: JID,
    { queryId, flipped }: ArchiveRequest,
    page: ArchivePage,
  ): { readonly before: readonly Stanza[]; readonly payload: Element } {
    const { ids: archiveIds } = this.#host
    const ids = archiveIds.texts(
      owner,
      page.items.map(({ id }) => id),
    )
    const results = printResults(page.items, { owner, to, queryId, ids, numbered: archiveIds.numbered })
    return { before: flipped ? results.reverse() : results, payload: fin(page, ids) }
  }

  /** The oldest and the newest item; nothing if there is none. */
  async ends(owner: JID, { start, end }: ReadingLimits = {}): Promise<readonly ArchiveEntry[]> {
    await this.#host.ids.ready()
    const span = { ...(start !== undefined && { start }), ...(end !== undefined && { end }), limit: 1 }
    const [oldest, newest] = await Promise.all([
      this.#archive.page(owner, span),
      this.#archive.page(owner, { ...span, reverse: true }),
    ])
    return [...oldest.items, ...newest.items]
  }

  /** XEP-0313 §5: these, as they are told. */
  metadata(owner: JID, [oldest, newest]: readonly ArchiveEntry[]): Element {
    const end = (name: string, entry: ArchiveEntry | undefined) =>
      entry && xml(name, { id: this.#host.ids.text(owner, entry.id), timestamp: dateTime(entry.time) })
    return xml('metadata', { xmlns: NS.archive }, end('start', oldest), end('end', newest))
  }

  /** Reads a page, and sees to it that all ids that are named are there: in one read where a client goes on from the page before. */
  async #matching(
    owner: JID,
    named: ReadonlySet<bigint>,
    query: ArchiveQuery,
    limits: ReadingLimits,
  ): Promise<ArchivePage> {
    const { reverse, after, before, limit = 0 } = query
    const [from] = named
    const goesOn =
      named.size === 1 && from === (reverse ? before : after) && limit > 0 && limit < MOST_AT_ONCE
    if (!goesOn || from === undefined) {
      const required = this.#requireAll(owner, named, limits)
      const [found] = await Promise.all([this.#archive.page(owner, query), required])
      return found
    }
    const inclusive = reverse ? { before: from + 1n } : { after: from - 1n }
    const { items, more } = await this.#archive.page(owner, { ...query, ...inclusive, limit: limit + 1 })
    if (items[0]?.id === from) return { items: items.slice(1), more }
    // It is none of those that match.
    await this.#requireAll(owner, named, limits)
    return { items: items.slice(0, limit), more: more || items.length > limit }
  }

  /** The numbers of all ids that a query names and that must be there. */
  #named(owner: JID, request: ArchiveRequest, { isPlace }: ReadingLimits): ReadonlySet<bigint> {
    const { afterId, beforeId, ids = [], page } = request
    const numbers = (named: readonly (string | undefined)[]) =>
      named.flatMap(id => (id === undefined ? [] : [this.#numberOf(owner, id)]))
    const places = numbers([afterId, beforeId, page.after, page.before || undefined])
    const unknown = isPlace === undefined ? places : places.filter(place => !isPlace(place))
    return new Set([...unknown, ...numbers(ids)])
  }

  /** XEP-0313 §4.1.3, §4.3.2: all ids that a query names must be in the archive, as far as it may be seen. */
  async #requireAll(owner: JID, numbers: ReadonlySet<bigint>, { start, end }: ReadingLimits): Promise<void> {
    const span = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) }
    let found = 0
    const all = [...numbers]
    for (let i = 0; i < all.length; i += MOST_AT_ONCE) {
      const part = all.slice(i, i + MOST_AT_ONCE)
      for (let left = part; left.length > 0; ) {
        const { items, more } = await this.#archive.page(owner, { ...span, ids: left, limit: MOST_AT_ONCE })
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
function fin({ more, total }: ArchivePage, ids: readonly string[]): Element {
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

function greatest<T extends bigint | number>(one: T | undefined, other: T | undefined): T | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}

function least<T extends bigint | number>(one: T | undefined, other: T | undefined): T | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
