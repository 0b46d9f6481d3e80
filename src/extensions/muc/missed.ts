/** Messages for members who have not entered: docs/protocol/groups.md, XEP-0452. */
import { isPromise } from '../../core/maybe.ts'
import { dateTime } from '../../xml/delay.ts'
import { xml } from '../../xml/element.ts'
import { forwarded } from '../../xml/forwarded.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { isLarge, membersOf } from './marks.ts'
import { mentions, referredTo } from './mentions.ts'
import type { MucParts } from './parts.ts'
import type { Affiliate, Room } from './room.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /**
     * A message of a room (as its archive has it under this number) has reached no session of these members, who are to be told of it: of a
     * group all who have not entered and have not muted it; of large or other rooms those of them who are mentioned. At the home of
     * the room, in no lane.
     */
    'room:missed': { room: JID; message: Stanza; number: bigint; members: readonly JID[] }
  }
}

/** Tells of a message those who are to be told and are not there. `message` has its stanza-id; `sender` is the real address. */
export function tellMissed(parts: MucParts, room: Room, message: Stanza, sender: JID, number: bigint): void {
  const { host } = parts
  const { group, forwardMentions } = room.config
  const heard = host.hooks.hears('room:missed')
  if (!heard && !forwardMentions) return
  const absent = absentMembers(parts, room, sender)
  if (absent.length === 0) return
  if (forwardMentions) forwardTo(parts, room, message, absent)
  if (!heard) return
  const isMentioned = group && !isLarge(room) ? () => true : mentions(room, message)
  const members = absent
    .filter(([user, member]) => isMentioned(user, member))
    .map(([user]) => JID.parse(user))
  if (members.length === 0) return
  const told = host.hooks.emit('room:missed', { room: room.jid, message, number, members })
  if (isPromise(told)) host.background.run('muc', told)
}

/** Members with no session in the room who want to be told of messages, but whoever has written this one. */
function absentMembers({ host }: MucParts, room: Room, sender: JID): [user: string, member: Affiliate][] {
  const there = new Set([sender.bare.toString()])
  for (const { user } of room.occupants) there.add(user.toString())
  const now = host.clock.now()
  return membersOf(room).filter(([user, { muted = 0 }]) => !there.has(user) && muted <= now)
}

/** XEP-0452 §3.2: "the MUC will forward the message stanza to the user". What they get is no groupchat stanza, but holds one. */
function forwardTo(
  { host }: MucParts,
  room: Room,
  message: Stanza,
  absent: readonly [user: string, member: Affiliate][],
): void {
  const referred = referredTo(room, message)
  const users = absent.filter(([user]) => referred.has(user))
  if (users.length === 0) return
  const delay = xml('delay', { xmlns: NS.delay, stamp: dateTime(host.clock.now()) })
  const payload = forwarded(message.with({ to: room.jid }), 'mentions', NS.mentions, delay)
  for (const [user] of users)
    host.router.route(Stanza.build('message', { from: room.jid, to: JID.parse(user) }).plus(payload))
}
