import type { Timer } from '../../core/clock.ts'
import { commit } from '../../core/commit.ts'
import { then } from '../../core/maybe.ts'
import type { Unacknowledged } from '../../core/unacknowledged.ts'
import { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { memberIn } from './marks.ts'
import type { MucParts } from './parts.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Clients of these users (bare JIDs) have acknowledged messages of this room up to these numbers. */
    'muc:delivered'(room: JID, reached: readonly (readonly [user: string, number: string])[]): Promise<void>
  }
}

/** How long acknowledgements are collected, ms: many messages are one mark of a member, and one commit of the room. */
const COLLECTED_MS = 2_000

/** Learns at any node what of rooms has reached the clients that are connected there (XEP-0198 §4), and has the homes of the rooms know, now and then. */
export class RoomReceipts {
  readonly #parts: MucParts
  /** By room, then by user. */
  #waiting = new Map<string, Map<string, bigint>>()
  #timer: Timer | undefined

  constructor(parts: MucParts) {
    this.#parts = parts
  }

  /** A client has acknowledged this, oldest first: of each room the last message counts. */
  acknowledged({ jid, sent }: { readonly jid: JID; readonly sent: readonly Unacknowledged[] }): void {
    const { host, service } = this.#parts
    const last = new Map<string, Stanza>()
    for (const { stanza } of sent)
      if (stanza.kind === 'message' && stanza.type === 'groupchat' && stanza.from.domain === service.domain)
        last.set(stanza.from.bare.toString(), stanza)
    for (const [room, stanza] of last)
      host.background.run(
        'muc',
        then(host.ids.numberOf(stanza, stanza.from.bare), number => {
          if (number !== undefined) this.#note(room, jid.bare.toString(), number)
        }),
      )
  }

  /** Tells what was collected; that is done when the background has settled. */
  stop(): void {
    this.#timer?.cancel()
    this.#tell()
  }

  #note(room: string, user: string, number: bigint): void {
    const users = this.#waiting.get(room) ?? new Map<string, bigint>()
    this.#waiting.set(room, users)
    const before = users.get(user)
    if (before === undefined || before < number) users.set(user, number)
    this.#timer ??= this.#parts.host.clock.after(COLLECTED_MS, () => this.#tell())
  }

  #tell(): void {
    const all = this.#waiting
    this.#waiting = new Map()
    this.#timer = undefined
    const { router, background } = this.#parts.host
    for (const [room, users] of all) {
      const reached = [...users].map(([user, number]) => [user, number.toString()] as const)
      background.run('muc', router.atHome.run('muc:delivered', JID.parse(room), reached))
    }
  }
}

/** `muc:delivered`, in the lane of the room: docs/protocol/groups.md. */
export async function takeDelivered(
  { host, rooms, marks }: MucParts,
  owner: JID,
  reached: readonly (readonly [user: string, number: string])[],
): Promise<void> {
  const room = await rooms.find(owner)
  // Nobody asks elsewhere.
  if (room?.config.group !== true) return
  const members = reached
    .map(([user, number]) => [JID.parse(user), BigInt(number)] as const)
    .filter(([user]) => memberIn(room, user) !== undefined)
  if (members.length === 0) return
  const writes = members.map(([user, number]) => marks.raise(owner, user, 'delivered', number))
  await commit(host.storage, writes, host.log)
}
