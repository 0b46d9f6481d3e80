import type { JID } from '../xml/jid.ts'
import type { C2sRouter } from './options.ts'

/** How long it is known how far a session had come: a client that returns later has nothing to learn from it. */
const REMEMBERED_MS = 60 * 60_000

/** XEP-0198 §5: how many stanzas sessions had handled that have ended, by SM-ID; known on all nodes. */
export class EndedSessions {
  readonly #router: C2sRouter

  constructor(router: C2sRouter) {
    this.#router = router
  }

  async add(id: string, account: JID, h: number): Promise<void> {
    await this.#values(account)?.set(keyOf(id, account), String(h), REMEMBERED_MS)
  }

  /** How far it had come, if it was this account's. */
  async find(id: string, account: JID): Promise<number | undefined> {
    const h = await this.#values(account)?.get(keyOf(id, account))
    return h === undefined ? undefined : Number(h)
  }

  #values(account: JID) {
    return this.#router.host(account.domain)?.storage.ephemeral
  }
}

function keyOf(id: string, account: JID): string {
  return `ended ${account} ${id}`
}
