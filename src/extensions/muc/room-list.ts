/** XEP-0045 §6.3: the list of public rooms. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { pageReport, readPageRequest } from '../../xml/rsm.ts'
import type { RoomConfig } from './config.ts'
import { nameOf } from './discovery.ts'
import type { MucParts } from './parts.ts'

/** Most rooms in an answer. */
const MOST = 100

interface Listed {
  readonly jid: JID
  readonly config: RoomConfig
}

interface Found {
  readonly page: readonly Listed[]
  /** Known where all rooms have been looked at. */
  readonly index?: number
  readonly count?: number
  readonly more: boolean
}

/** The public rooms, ordered by address, some at a time (XEP-0059). */
export async function listRooms(parts: MucParts, { payload }: IqContext): Promise<readonly Element[]> {
  const wanted = readPageRequest(payload)
  if (wanted === undefined) throw new StanzaError('bad-request')
  const { max = MOST, after, before, index } = wanted
  // XEP-0059 §2.2, XEP-0059 §2.3, XEP-0059 §2.6: one of them says where a page is.
  if ([after, before, index].filter(given => given !== undefined).length > 1)
    throw new StanzaError('bad-request')
  // XEP-0059 §2.7: "specifying a maximum number of items to return of zero".
  if (max === 0) return [pageReport({ count: await countOf(parts) })]
  const most = Math.min(max, MOST)
  const isForward = before === undefined && index === undefined
  const found = isForward ? await onwards(parts, most, after) : await within(parts, most, before, index)
  const { page, more, ...known } = found
  const items = page.map(room => xml('item', { jid: room.jid.toString(), name: nameOf(room) }))
  const [first, last] = [page[0], page.at(-1)]
  const isAsked = payload.getChild('set') !== undefined
  if (!isAsked && !more) return items
  // XEP-0045 §6.3: "it SHOULD include a <set/> element [...] to indicate that the list is not the full result set".
  const ends = first && last && ([first.jid.toString(), last.jid.toString()] as const)
  return [...items, pageReport({ ...known, ...(ends && { ends }) })]
}

/** What comes next. The rest is not looked at: how many rooms there are is said where all are on the page. */
async function onwards(parts: MucParts, most: number, after: string | undefined): Promise<Found> {
  const found: Listed[] = []
  for await (const room of publicRooms(parts, after === undefined ? undefined : place(parts, after))) {
    found.push(room)
    if (found.length > most) break
  }
  const more = found.length > most
  const isAll = after === undefined && !more
  return { page: found.slice(0, most), more, ...(isAll && { index: 0, count: found.length }) }
}

/** XEP-0059 §2.3, XEP-0059 §2.5, XEP-0059 §2.6: what comes before a room, or at the end, or from a number on. */
async function within(
  parts: MucParts,
  most: number,
  before: string | undefined,
  from = Number.POSITIVE_INFINITY,
): Promise<Found> {
  // Addresses are their own order: a room that is there no more still has its place.
  const end = before === undefined || before === '' ? undefined : place(parts, before)
  const isFound = (listed: Listed, at: number): boolean =>
    before === undefined ? at >= from && at < from + most : end === undefined || isBefore(listed.jid, end)
  const page: Listed[] = []
  let index = 0
  let count = 0
  for await (const listed of publicRooms(parts)) {
    if (isFound(listed, count)) {
      if (page.length === 0) index = count
      page.push(listed)
      if (page.length > most) {
        page.shift()
        index++
      }
    }
    count++
  }
  return { page, index, count, more: true }
}

/** Whether an address comes before another one in the list, which the storage orders. */
function isBefore(one: JID, other: JID): boolean {
  return Buffer.compare(Buffer.from(one.toString()), Buffer.from(other.toString())) < 0
}

/** XEP-0059 §2.3: an id that is none of ours is not found. */
function place({ service }: MucParts, after: string): JID {
  const room = JID.tryParse(after)
  if (room?.domain !== service.domain) throw new StanzaError('item-not-found')
  return room
}

async function countOf(parts: MucParts): Promise<number> {
  let count = 0
  for await (const _ of publicRooms(parts)) count++
  return count
}

async function* publicRooms({ store, service }: MucParts, after?: JID): AsyncGenerator<Listed> {
  for await (const jid of store.list(service.domain, after)) {
    const config = await store.config(jid)
    if (config?.public) yield { jid, config }
  }
}
