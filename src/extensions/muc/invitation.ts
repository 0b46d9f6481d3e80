/** XEP-0045 §7.8.2: what somebody gets who is invited, and how it reaches him. XEP-0249: the same for clients that know only that. */
import { randomUUID } from 'node:crypto'
import { copyOf, type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { roomUser } from './items.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Hands an account what a room has for it because of somebody (`by`, his real address), unless the account blocks him. `message` is packed, as base64. */
    'muc:hand'(
      account: JID,
      handed: { readonly by: string; readonly message: string; readonly to: string },
    ): Promise<void>
  }
}

/** What goes with an invitation. */
export interface Invitation {
  /** Whom, as he was invited: a full JID or a bare one. */
  readonly to: JID
  /** Any address of whoever invites. */
  readonly by: JID
  readonly id?: string | undefined
  readonly reason?: string | undefined
  /** XEP-0045 §7.9: the chat of two that the room continues. */
  readonly continued?: Element | undefined
}

/** The message of an invitation. */
export function invitationTo(room: Room, { to, by, id, reason, continued }: Invitation): Stanza {
  const { password, group } = room.config
  // XEP-0045 §7.8.2: "add a 'from' address to the <invite/> element whose value is the bare JID" of the inviter.
  const invite = xml(
    'invite',
    { from: by.bare.toString() },
    reason !== undefined && xml('reason', {}, reason),
    continued && copyOf(continued),
  )
  // "the room SHOULD add the password if the room is password-protected".
  const secret = password === '' ? undefined : xml('password', {}, password)
  const message = Stanza.build(
    'message',
    { from: room.jid, to, id: id ?? randomUUID() },
    roomUser([invite, secret]),
  )
  // XEP-0249 §2: the same, for clients that know no room before they are in it.
  const direct = {
    xmlns: NS.conference,
    jid: room.jid.toString(),
    ...(password !== '' && { password }),
    ...(reason !== undefined && { reason }),
  }
  return group ? message.plus(xml('x', direct)) : message
}

/**
 * Sends somebody what a room has for him because of `by`; nobody learns whether he blocks that one. Nobody waits for it: the lanes of rooms and
 * of accounts do not wait for each other.
 */
export function hand({ host }: MucParts, message: Stanza, by: JID): void {
  const to = message.to!
  if (host.router.host(to.domain) === undefined) {
    host.router.route(message)
    return
  }
  const handed = { by: by.toString(), message: message.pack().toString('base64'), to: to.toString() }
  host.background.run('muc', host.router.atHome.run('muc:hand', to.bare, handed))
}
