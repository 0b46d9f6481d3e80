/** XEP-0313 §4, XEP-0313 §5: what is asked about the archive of a room. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import { get, type IqAnswer, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import { archivedStanza } from '../../core/pages.ts'
import type { ArchiveEntry } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { ArchiveReader, queryForm, type ReadingLimits, readRequest } from '../archive/index.ts'
import { inRoom } from './in-room.ts'
import { item, roomUser } from './items.ts'
import { memberIn } from './marks.ts'
import type { MucParts } from './parts.ts'
import { type AddressesShown, addressesShown, readableBy } from './readers.ts'
import type { Room } from './room.ts'

/** Who asks, and what he may see. */
interface Asker {
  readonly room: Room
  readonly limits: ReadingLimits
  readonly addresses: AddressesShown
}

/** What is claimed of requests to a room. `most`: results of one query. */
export function archiveClaims(parts: MucParts, most: () => number): IqRegistration[] {
  const reader = new ArchiveReader(parts.host, parts.archive.archive, most)
  return [
    get(NS.archive, 'query', 'room', async iq => {
      await asker(parts, iq)
      return queryForm()
    }),
    set(NS.archive, 'query', 'room', iq => query(parts, reader, iq)),
    get(NS.archive, 'metadata', 'room', async iq => {
      const { limits } = await asker(parts, iq)
      return reader.metadata(iq.owner, await reader.ends(iq.owner, limits))
    }),
  ]
}

/** In the lane only what the room knows is looked at; the archive is read beside it. */
function asker(parts: MucParts, { owner, stanza: { from } }: IqContext): Promise<Asker> {
  return inRoom(parts, owner, async room => {
    const limits = await readableBy(parts, room, from)
    return { room, limits, addresses: addressesShown(room, from) }
  })
}

async function query(parts: MucParts, reader: ArchiveReader, iq: IqContext): Promise<IqAnswer> {
  const { owner, payload, stanza } = iq
  const { room, limits, addresses } = await asker(parts, iq)
  const asked = readRequest(payload)
  const peer = asked.peer && publisher(room, addresses, asked.peer)
  const { page } = await reader.read(owner, { ...asked, peer }, limits)
  const items = page.items.map(entry => shownTo(room, entry, addresses))
  const answer = reader.answer(owner, stanza.from, asked, { ...page, items })
  const last = items.at(-1)?.id
  const isAll = asked.peer === undefined && asked.ids === undefined
  if (last === undefined || !isAll || memberIn(room, stanza.from) === undefined) return answer
  // docs/protocol/groups.md: what a client of a member has fetched is delivered.
  const { marks, host } = parts
  const raised = marks.raise(owner, stanza.from, 'delivered', last)
  return { ...answer, after: () => commit(host.storage, [raised], host.log) }
}

/** XEP-0313 §4.1.1: "An item in a MUC archive matches if the publisher of the item matches the JID". */
function publisher(room: Room, addresses: AddressesShown, peer: JID): JID {
  if (peer.bare.equals(room.jid)) {
    // Nobody has an address in the room as his real one: a nick that nobody has matches nothing.
    return peer.resource === '' ? peer : (room.withNick(peer.resource)?.user ?? peer)
  }
  // XEP-0313 §4.1.1: "this should only be available to entities that would already have been allowed to know the publisher".
  if (addresses === 'none') throw new StanzaError('forbidden')
  return peer
}

/** XEP-0313 §5.1.2: with the real address of its sender for those who may see it now, and for nobody else. */
function shownTo(room: Room, entry: ArchiveEntry, addresses: AddressesShown): ArchiveEntry {
  // What the room itself has said.
  if (entry.peer.equals(room.jid)) return entry
  const message = archivedStanza(entry)
  const isKept = message.has('x', NS.roomUser)
  if (isKept ? addresses !== 'none' : addresses !== 'all') return entry
  const shown = isKept
    ? message.without((name, ns) => name === 'x' && ns === NS.roomUser)
    : message.plus(roomUser([item({ jid: entry.peer })]))
  return { ...entry, payload: shown.pack() }
}
