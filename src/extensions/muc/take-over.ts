/** What a node does with a room whose former home has died. */
import type { Host } from '../../core/host.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { saidBefore } from './history.ts'
import { leave } from './leave.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Which of these sessions (full JIDs) the account does not have any more. */
    'muc:gone'(account: JID, sessions: readonly string[]): readonly string[]
  }
}

/** What was said so long before is told again, ms: a node is taken for dead after 8 s. */
const TOLD_AGAIN_MS = 30_000
const MOST_TOLD_AGAIN = 500

/**
 * The former home of a room has died: what it has stored and perhaps not told any more is told again, ahead of all that is new, and those who
 * have gone with it are. In the lane of the room.
 */
export function takeOver(parts: MucParts, room: Room): void {
  const { host, archive } = parts
  const { background, router } = host
  const { audience } = room
  const told = room.tell(async () => {
    await host.ids.ready()
    const entries = await archive.newest(room.jid, MOST_TOLD_AGAIN, host.clock.now() - TOLD_AGAIN_MS)
    for (const entry of entries) router.tellMany(saidBefore(host, room, entry), audience, entry.peer)
  })
  background.run('muc', told)
  background.run('muc', lookForGone(parts, room, audience))
}

async function lookForGone(parts: MucParts, room: Room, audience: readonly JID[]): Promise<void> {
  const { router } = parts.host
  const local = audience.filter(({ domain }) => router.host(domain) !== undefined)
  const byAccount = Map.groupBy(local, jid => jid.bare.toString())
  const asked = [...byAccount.values()].map(sessions =>
    router.atHome.run('muc:gone', sessions[0]!.bare, sessions.map(String)),
  )
  // Of those who cannot be asked nothing is known: they stay.
  const gone = (await Promise.allSettled(asked)).flatMap(one => (one.status === 'fulfilled' ? one.value : []))
  for (const session of gone) {
    const jid = JID.parse(session)
    const settle = await router.homes.inLane(room.jid, async () => {
      const occupant = parts.rooms.loaded(room.jid)?.occupant(jid)
      const presence = Stanza.build('presence', { from: jid, type: 'unavailable' })
      return occupant && leave(parts, room, occupant, presence)
    })
    await settle?.()
  }
}

/** `muc:gone` */
export function goneOf(host: Host, account: JID, sessions: readonly string[]): readonly string[] {
  const here = new Set(host.sessions(account).map(({ jid }) => jid.toString()))
  return sessions.filter(session => !here.has(session))
}
