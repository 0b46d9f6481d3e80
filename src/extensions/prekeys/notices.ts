/** Tells the owner of a device that has few keys left. */
import type { Host } from '../../core/host.ts'
import type { Session } from '../../core/session.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import type { Given } from './claiming.ts'
import type { PerKind } from './keys.ts'
import { isThere, type KeyStore } from './store.ts'

export class Notices {
  readonly #host: Host
  readonly #store: KeyStore
  readonly #few: () => number

  /** `few`: fewer keys than this are few; read at each use. */
  constructor(host: Host, store: KeyStore, few: () => number) {
    this.#host = host
    this.#store = store
    this.#few = few
  }

  /** Keys were given. Whoever was told that few are left is told again when there are none. */
  given(owner: JID, given: readonly Given[]): void {
    for (const { bundle, before, left } of given)
      if (this.#isNews(before.oneTime, left.oneTime) || this.#isNews(before.kyber, left.kyber))
        for (const session of this.#host.sessions(owner)) session.send(notice(session, bundle.device, left))
  }

  /** A session of the owner has come online, who may have missed it. */
  async arrived(session: Session): Promise<void> {
    for (const [device, row] of await this.#store.devices(session.jid.bare)) {
      if (!isThere(row) || Math.min(row.left.oneTime, row.left.kyber) >= this.#few()) continue
      if (!session.over) session.send(notice(session, device, row.left))
    }
  }

  #isNews(before: number, left: number): boolean {
    const few = this.#few()
    return left < few && (before >= few || (before > 0 && left === 0))
  }
}

function notice({ jid }: Session, device: number, { oneTime, kyber }: PerKind<number>): Stanza {
  return Stanza.build(
    'message',
    { from: jid.bare, to: jid, type: 'headline' },
    xml('low', {
      xmlns: NS.prekeys,
      device: String(device),
      'one-time': String(oneTime),
      kyber: String(kyber),
    }),
  )
}
