/** What a node does with a room whose former home has died. */
import type { TaskInput } from '../../core/home-tasks.ts'
import type { Host } from '../../core/host.ts'
import { archivePages } from '../../core/pages.ts'
import type { ArchiveEntry } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { saidBefore } from './history.ts'
import { leave } from './leave.ts'
import type { MucParts } from './parts.ts'
import { refuseStranger } from './presence.ts'
import type { Room } from './room.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Which of these sessions (full JIDs) the account does not have any more. */
    'muc:gone'(account: JID, sessions: readonly string[]): readonly string[]
    /** What a room said last is told again to a session (full JID) whose account's home has died. */
    'muc:again'(room: JID, to: { readonly session: string; readonly nick: string }): Promise<void>
  }
}

/**
 * What was stored so long before the last message is told again, ms: a home that dies under load is behind with telling, by seconds where
 * the storage is slow; that it has died is seen after 8 s, its slots are taken after 10 s, and what is told again because of an account's home comes after that.
 */
const TOLD_AGAIN_MS = 60_000
/** What homes lose so shortly one after the other, ms, they have lost with the same node. */
const SAME_DEATH_MS = 15_000
/** Read at once. */
const PAGE = 100

/**
 * The former home of a room has died: what it has stored and perhaps not told any more is told again, ahead of all that is new, and those who
 * have gone with it are. In the lane of the room, which is not in memory yet: nothing new is stored before it is known where that begins.
 */
export async function takeOver(parts: MucParts, room: Room): Promise<void> {
  const { host } = parts
  const { audience } = room
  room.takenOver = host.clock.now()
  await tellAgain(parts, room, audience)
  host.background.run('muc', lookForGone(parts, room, audience))
}

/** Has the room tell again what was stored up to now. In its lane; resolves when it is known where that ends, and before it is told. */
async function tellAgain(parts: MucParts, room: Room, audience: readonly JID[]): Promise<void> {
  const last = await parts.archive.last(room.jid)
  if (last === undefined) return
  const told = room.tell(() => tellUpTo(parts, room, audience, last))
  parts.host.background.run('muc', told)
}

/** All of it, however much: whoever has missed something in the middle does not notice. From the last message on back, whenever that was: the room may have been asked for by nobody since. */
async function tellUpTo(
  { archive, host }: MucParts,
  room: Room,
  audience: readonly JID[],
  last: ArchiveEntry,
): Promise<void> {
  await host.ids.ready()
  const query = { start: last.time - TOLD_AGAIN_MS, before: last.id + 1n, limit: PAGE }
  for await (const entries of archivePages(archive.archive, room.jid, query))
    for (const entry of entries) host.router.tellMany(saidBefore(host, room, entry), audience, entry.peer)
}

/** Each account is asked for itself: one whose home is being looked for takes seconds, and the others' clients come again meanwhile. */
async function lookForGone(parts: MucParts, room: Room, audience: readonly JID[]): Promise<void> {
  const { router } = parts.host
  const local = audience.filter(({ domain }) => router.host(domain) !== undefined)
  const byAccount = Map.groupBy(local, jid => jid.bare.toString())
  // Of those who cannot be asked nothing is known: they stay.
  await Promise.allSettled([...byAccount.values()].map(sessions => lookForGoneOf(parts, room, sessions)))
}

async function lookForGoneOf(parts: MucParts, room: Room, sessions: readonly JID[]): Promise<void> {
  const { atHome, homes } = parts.host.router
  const entered = new Map(sessions.map(jid => [jid.toString(), entry(room, jid)]))
  const gone = await atHome.run('muc:gone', sessions[0]!.bare, [...entered.keys()])
  for (const session of gone) {
    const jid = JID.parse(session)
    const settle = await homes.inLane(room.jid, async () => {
      const now = parts.rooms.loaded(room.jid)
      const occupant = now?.occupant(jid)
      // One that has entered since is another, of the same address.
      if (now === undefined || occupant === undefined || entry(now, jid) !== entered.get(session)) return
      return leave(parts, now, occupant, Stanza.build('presence', { from: jid, type: 'unavailable' }))
    })
    await settle?.()
  }
}

/** What the room has of a session: another object each time that it enters. */
function entry(room: Room, session: JID): unknown {
  return room.occupant(session)?.sessions.get(session.toString())
}

/**
 * The home of an account has died, and a session of it goes on here. What rooms said to it in the last moments may have been lost with that home: those that it has entered (`told`: the
 * addresses in them) tell it again.
 */
export function catchUp({ host, service }: MucParts, session: JID, told: readonly JID[]): void {
  for (const address of told)
    if (address.domain === service.domain)
      host.background.run(
        'muc',
        host.router.atHome.run('muc:again', address.bare, {
          session: session.toString(),
          nick: address.resource,
        }),
      )
}

/** `muc:again` */
export async function tellOneAgain(
  parts: MucParts,
  jid: JID,
  { session, nick }: TaskInput<'muc:again'>,
): Promise<void> {
  const to = JID.parse(session)
  const room = await parts.rooms.find(jid)
  if (room?.occupant(to) === undefined) {
    refuseStranger(parts, room, { from: to, to: jid.withResource(nick) })
    return
  }
  // The same node has been its home, and it tells everybody.
  if (room.takenOver !== undefined && parts.host.clock.now() - room.takenOver < SAME_DEATH_MS) return
  await tellAgain(parts, room, [to])
}

/** `muc:gone` */
export function goneOf(host: Host, account: JID, sessions: readonly string[]): readonly string[] {
  const here = new Set(host.sessions(account).map(({ jid }) => jid.toString()))
  return sessions.filter(session => !here.has(session))
}
