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

/** The public rooms, ordered by address, some at a time (XEP-0059). */
export async function listRooms(parts: MucParts, { payload }: IqContext): Promise<readonly Element[]> {
  const wanted = readPageRequest(payload)
  if (wanted === undefined) throw new StanzaError('bad-request')
  const { max = MOST, after, before, index } = wanted
  // XEP-0059 §2.6: what is not supported; nobody pages backwards through rooms.
  if (before !== undefined || index !== undefined) throw new StanzaError('feature-not-implemented')
  if (max === 0) return [pageReport({ count: await countOf(parts) })]
  const most = Math.min(max, MOST)
  const found: Listed[] = []
  for await (const room of publicRooms(parts, after === undefined ? undefined : place(parts, after))) {
    found.push(room)
    if (found.length > most) break
  }
  const page = found.slice(0, most)
  const items = page.map(room => xml('item', { jid: room.jid.toString(), name: nameOf(room) }))
  const [first, last] = [page[0], page.at(-1)]
  const isAsked = payload.getChild('set') !== undefined
  if (!isAsked && found.length <= most) return items
  // XEP-0045 §6.3: "it SHOULD include a <set/> element [...] to indicate that the list is not the full result set".
  const ends = first && last && ([first.jid.toString(), last.jid.toString()] as const)
  const count = after === undefined && found.length <= most ? found.length : undefined
  return [...items, pageReport({ ...(ends && { ends }), ...(count !== undefined && { count }) })]
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
