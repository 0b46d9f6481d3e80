/** docs/protocol/groups.md: what a member has not read, and who has read what. */
import { StanzaError } from '../../core/errors.ts'
import { get, type IqContext, type IqRegistration } from '../../core/extension.ts'
import type { ArchiveEntry } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { inRoom } from './in-room.ts'
import { isLarge, type MarksOf, membersOf, requireMember } from './marks.ts'
import type { MucParts } from './parts.ts'
import { addressesShown, readableFrom } from './readers.ts'
import type { Affiliate, Room } from './room.ts'

/** A member who asks. */
interface Asking {
  readonly room: Room
  readonly member: Affiliate
}

/** Messages after one that are looked through for members who have written since. */
const LOOKED_THROUGH = 1_000

/** What is claimed of requests to a room. */
export function countClaims(parts: MucParts): IqRegistration[] {
  return [
    get(NS.groups, 'unread', 'room', iq => unread(parts, iq)),
    get(NS.groups, 'ticks', 'room', iq => ticks(parts, iq)),
  ]
}

/** Only members are told anything. */
function asking(parts: MucParts, { owner, stanza: { from } }: IqContext): Promise<Asking> {
  return inRoom(parts, owner, room => ({ room, member: requireMember(room, from) }))
}

/** Two numbers of the archive, one taken from the other: nothing is kept for each member and message. */
async function unread(parts: MucParts, iq: IqContext): Promise<Element> {
  const { host, archive, marks } = parts
  const { room, member } = await asking(parts, iq)
  const { jid } = room
  const user = iq.stanza.from.bare
  const newest = async (query: object): Promise<ArchiveEntry | undefined> =>
    (await archive.archive.page(jid, { ...query, reverse: true, limit: 1 })).items[0]
  const [read, own, before, head] = await Promise.all([
    marks.readBy(jid, user),
    // Whoever writes has seen what was there.
    newest({ peer: user }),
    // What was there before he came is not unread.
    newest({ end: member.since }),
    newest({}),
  ])
  const marked = read > 0n ? await newest({ before: read + 1n }) : undefined
  const seen = Math.max(...[own, before, marked].map(entry => entry?.unread ?? 0))
  return xml('unread', {
    xmlns: NS.groups,
    count: String(Math.max(0, (head?.unread ?? 0) - seen)),
    ...(head !== undefined && { head: host.ids.text(jid, head.id), sequence: String(head.sequence) }),
    ...(marked !== undefined && { read: host.ids.text(jid, marked.id) }),
  })
}

/** What became of a message with one member. Times in ms since 1970. */
interface Tick {
  readonly user: string
  readonly delivered: number | undefined
  readonly read: number | undefined
}

async function ticks(parts: MucParts, iq: IqContext): Promise<Element> {
  const { host, archive, marks } = parts
  const { room } = await asking(parts, iq)
  const { id } = iq.payload.attrs as Record<string, string | undefined>
  if (id === undefined) throw new StanzaError('bad-request', { text: 'the id of a message is missing' })
  const number = host.ids.parse(room.jid, id)
  if (number === undefined) throw new StanzaError('item-not-found')
  const [{ items }, { items: later }, all] = await Promise.all([
    archive.archive.page(room.jid, { ids: [number] }),
    archive.archive.page(room.jid, { after: number, limit: LOOKED_THROUGH }),
    marks.all(room.jid),
  ])
  const [entry] = items
  const from = readableFrom(room, iq.stanza.from, host.clock.now()) ?? 0
  if (entry === undefined || entry.time < from) throw new StanzaError('item-not-found')
  const found = tickedBy(room, entry, later, all)
  // In large rooms, and for those who do not see addresses, only how many they are.
  const listed = isLarge(room) || addressesShown(room, iq.stanza.from) === 'none' ? [] : found
  return xml(
    'ticks',
    {
      xmlns: NS.groups,
      id,
      members: String(found.length),
      delivered: String(found.filter(({ delivered }) => delivered !== undefined).length),
      read: String(found.filter(({ read }) => read !== undefined).length),
    },
    listed.map(({ user, delivered, read }) =>
      xml('member', {
        jid: user,
        state: read === undefined ? (delivered === undefined ? 'sent' : 'delivered') : 'read',
        ...(delivered !== undefined && { delivered: dateTime(delivered) }),
        ...(read !== undefined && { read: dateTime(read) }),
      }),
    ),
  )
}

/** Of all who were members when it was written, but its author. */
function tickedBy(
  room: Room,
  { id, time, peer }: ArchiveEntry,
  later: readonly ArchiveEntry[],
  all: ReadonlyMap<string, MarksOf>,
): Tick[] {
  // Who has written since has got it.
  const wrote = new Map<string, number>()
  for (const entry of later) {
    const user = entry.peer.bare.toString()
    if (!wrote.has(user)) wrote.set(user, entry.time)
  }
  return membersOf(room)
    .filter(([user, { since }]) => since <= time && !JID.parse(user).equals(peer.bare))
    .map(([user]) => {
      const marks = all.get(user)
      const at = (kind: 'delivered' | 'read'): number | undefined => {
        const mark = marks?.[kind]
        return mark !== undefined && mark.value >= id ? mark.time : undefined
      }
      const read = at('read')
      const times = [at('delivered'), wrote.get(user), read].filter(one => one !== undefined)
      return { user, delivered: times.length === 0 ? undefined : Math.min(...times), read }
    })
}
