/** What rooms have for accounts that are not there, at the home of the account. */

import type { HomeTasks } from '../../core/home-tasks.ts'
import type { Host } from '../../core/host.ts'
import { type StageRegistration, stage } from '../../core/stage.ts'
import { growingCache } from '../../xml/cache.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import blocking from '../blocking/index.ts'

/** Within which somebody is invited to a room by the same user once, ms. */
const ONCE_MS = 60_000
/** Invitations that are remembered. */
const REMEMBERED = 10_000

/** Hands invitations to accounts whose home is this node. */
export class Handing {
  readonly #host: Host
  /** When somebody was invited last, ms since 1970; by account, room, inviter and way. */
  readonly #invited = growingCache<string, number>(REMEMBERED)

  constructor(host: Host) {
    this.#host = host
  }

  /** `muc:hand`. XEP-0191 §3.3: nothing comes from whom the account blocks, not by way of a room either. */
  readonly take: HomeTasks['muc:hand'] = async (account, { by, message: packed, to }) => {
    const { router } = this.#host
    if (await this.#host.find(blocking)?.blocks(account, JID.parse(by))) return
    const message = Stanza.unpack(Buffer.from(packed, 'base64')).with({ to: JID.parse(to) })
    const direct = message.child('x', NS.conference)
    if (direct === undefined || this.#isNews(account, String(direct.attrs.jid), JID.parse(by), 'room'))
      router.route(message)
  }

  /**
   * COMPAT Converse 14, and others: whoever adds a member of a group sends an invitation (XEP-0249) besides. The room has invited already, or is about
   * to: nobody is asked twice.
   */
  get guard(): StageRegistration {
    return stage(
      'guard',
      { kind: 'message', side: 'recipient', child: ['x', NS.conference] },
      (message, { owner }) => {
        const room = String(message.child('x', NS.conference)?.attrs.jid)
        const isOfRoom = message.from.bare.toString() === room
        if (isOfRoom || message.has('body', NS.client)) return undefined
        return this.#isNews(owner, room, message.from, 'direct') ? undefined : 'drop'
      },
    )
  }

  /** Whoever invites says it again if he likes, but not by way of the room, or after that. Others' invitations are others. */
  #isNews(account: JID, room: string, by: JID, way: 'room' | 'direct'): boolean {
    const key = `${account.bare} ${room} ${by.bare}`
    const now = this.#host.clock.now()
    const isRecent = (other: 'room' | 'direct'): boolean => {
      const before = this.#invited.get(`${key} ${other}`)
      return before !== undefined && now >= before && now - before < ONCE_MS
    }
    if (isRecent('room') || (way === 'room' && isRecent('direct'))) return false
    this.#invited.set(`${key} ${way}`, now)
    return true
  }
}
