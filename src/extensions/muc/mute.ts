/** docs/protocol/groups.md: members who do not want to be told of messages. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import { get, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import { dateTime, parseDateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { memberIn } from './marks.ts'
import type { MucParts } from './parts.ts'
import type { Affiliate } from './room.ts'

/** Until the member says otherwise. */
const ALWAYS = Number.MAX_SAFE_INTEGER

/** What is claimed of requests to a room. */
export function muteClaims(parts: MucParts): IqRegistration[] {
  const { homes } = parts.host.router
  return [
    get(NS.groups, 'mute', 'room', iq => homes.inLane(iq.owner, () => read(parts, iq))),
    set(NS.groups, 'mute', 'room', iq => homes.inLane(iq.owner, () => write(parts, iq, until(iq.payload)))),
    set(NS.groups, 'unmute', 'room', iq => homes.inLane(iq.owner, () => write(parts, iq, undefined))),
  ]
}

async function read(parts: MucParts, { owner, stanza: { from } }: IqContext): Promise<Element> {
  const room = await parts.rooms.get(owner)
  const member = memberIn(room, from)
  if (member === undefined) throw new StanzaError('forbidden')
  const { muted = 0 } = member
  const isMuted = muted > parts.host.clock.now()
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
  { host, rooms, store }: MucParts,
  { owner, stanza: { from } }: IqContext,
  muted: number | undefined,
): Promise<undefined> {
  const room = await rooms.get(owner)
  const member = memberIn(room, from)
  if (member === undefined) throw new StanzaError('forbidden')
  const { muted: _, ...rest } = member
  const changed: Affiliate = muted === undefined ? rest : { ...rest, muted }
  const user = from.bare.toString()
  await commit(host.storage, [store.affiliate(room.jid, user, changed)], host.log)
  room.affiliates.set(user, changed)
}
