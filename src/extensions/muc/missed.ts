/** Messages for members who have not entered: docs/protocol/groups.md, XEP-0452. */
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
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
     * group all who have not entered and have not muted it; of large or other rooms those of them who are mentioned. `sender` is a real
     * address: members may have blocked it. At the home of the room, in no lane.
     */
    'room:missed': { room: JID; message: Stanza; sender: JID; number: bigint; members: readonly JID[] }
  }
}

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** The user is mentioned in a room that he has not entered. */
    'muc:mentioned'(user: JID, mention: Mention): Maybe<void>
  }
}

/** A message that forwards another one. As JSON. */
interface Mention {
  /** Packed, as base64. */
  readonly message: string
  /** The real address of whom it is from. */
  readonly by: string
}

/** Tells of a message those who are to be told and are not there. `message` has its stanza-id; `sender` is the real address. */
export function tellMissed(parts: MucParts, room: Room, message: Stanza, sender: JID, number: bigint): void {
  const { host } = parts
  const { group, forwardMentions } = room.config
  const heard = host.hooks.hears('room:missed')
  if (!heard && !forwardMentions) return
  const absent = absentMembers(parts, room, sender)
  if (absent.length === 0) return
  if (forwardMentions) forwardTo(parts, room, message, absent, sender)
  if (!heard) return
  const isMentioned = group && !isLarge(room) ? () => true : mentions(room, message)
  const members = absent
    .filter(([user, member]) => isMentioned(user, member))
    .map(([user]) => JID.parse(user))
  if (members.length === 0) return
  const missed = { room: room.jid, message, sender, number, members }
  host.background.run('muc', host.hooks.emit('room:missed', missed))
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
  sender: JID,
): void {
  const referred = referredTo(room, message)
  const users = absent.filter(([user]) => referred.has(user))
  if (users.length === 0) return
  const delay = xml('delay', { xmlns: NS.delay, stamp: dateTime(host.clock.now()) })
  const payload = forwarded(message.with({ to: room.jid }), 'mentions', NS.mentions, delay)
  for (const [user] of users) {
    const whole = Stanza.build('message', { from: room.jid, to: JID.parse(user) }).plus(payload)
    host.background.run('muc', forwardHome(host, whole, sender))
  }
}

/** To the home of the user, who may have blocked whom the message is from. */
async function forwardHome({ router }: Host, message: Stanza, sender: JID): Promise<void> {
  const to = message.to!
  if (router.host(to.domain) === undefined) router.route(message)
  else
    await router.atHome.run('muc:mentioned', to, {
      message: message.pack().toString('base64'),
      by: sender.toString(),
    })
}

/** The same at the home, in the lane of the user: whoever is blocked by his real address is not heard in rooms either. */
export function takeMention({ host }: MucParts, owner: JID, { message, by }: Mention): Maybe<void> {
  const stanza = Stanza.unpack(Buffer.from(message, 'base64'))
  const real = stanza.with({ from: JID.parse(by) })
  return then(host.hooks.stages.lets(real, { owner, side: 'recipient', asked: true }), lets => {
    if (lets) host.router.route(stanza)
  })
}
