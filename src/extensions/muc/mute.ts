/** docs/protocol/groups.md: members who do not want to be told of messages. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import { get, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import { dateTime, parseDateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { inRoom } from './in-room.ts'
import { requireMember } from './marks.ts'
import type { MucParts } from './parts.ts'
import type { Affiliate, Room } from './room.ts'

/** Until the member says otherwise. */
const ALWAYS = Number.MAX_SAFE_INTEGER

/** What is claimed of requests to a room. */
export function muteClaims(parts: MucParts): IqRegistration[] {
  const writing = (iq: IqContext, muted?: number): Promise<undefined> =>
    inRoom(parts, iq.owner, room => write(parts, room, iq.stanza.from, muted))
  return [
    get(NS.groups, 'mute', 'room', iq => inRoom(parts, iq.owner, room => read(parts, room, iq.stanza.from))),
    set(NS.groups, 'mute', 'room', iq => writing(iq, until(iq.payload))),
    set(NS.groups, 'unmute', 'room', iq => writing(iq)),
  ]
}

function read({ host }: MucParts, room: Room, who: JID): Element {
  const { muted = 0 } = requireMember(room, who)
  const isMuted = muted > host.clock.now()
  return xml('mute', {
    xmlns: NS.groups,
    ...(isMuted && { until: muted === ALWAYS ? 'always' : dateTime(muted) }),
  })
}

/** Throws the StanzaError `bad-request`. */
function until({ attrs }: Element): number {
  const text: unknown = attrs.until
  const time = text === 'always' ? ALWAYS : typeof text === 'string' ? parseDateTime(text) : undefined
  if (time === undefined) throw new StanzaError('bad-request', { text: 'until when is not said' })
  return time
}

async function write(
  { host, store }: MucParts,
  room: Room,
  who: JID,
  muted: number | undefined,
): Promise<undefined> {
  const { muted: _, ...rest } = requireMember(room, who)
  const changed: Affiliate = muted === undefined ? rest : { ...rest, muted }
  const user = who.bare.toString()
  await commit(host.storage, [store.affiliate(room.jid, user, changed)], host.log)
  room.affiliates.set(user, changed)
}
