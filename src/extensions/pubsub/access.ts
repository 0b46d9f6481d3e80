/** XEP-0060 §4.5, XEP-0163 §4.3: who may see what a node of an account holds. */
import type { StanzaError } from '../../core/errors.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import { type ContactRow, type Rosters, receives, sends, subscriptionSends } from '../roster/index.ts'
import { pubsubError } from './errors.ts'
import type { Node } from './nodes.ts'

/** Decides by the owner's roster; to be asked at the owner's home. */
export class NodeAccess {
  readonly #rosters: Rosters

  constructor(rosters: Rosters) {
    this.#rosters = rosters
  }

  /** Whether somebody may see a node of the owner. */
  allows(owner: JID, node: Node, who: JID): Maybe<boolean> {
    const { access } = node.config
    if (access === 'open' || who.bare.equals(owner)) return true
    if (access === 'whitelist') return false
    return access === 'presence'
      ? then(this.#rosters.subscription(owner, who), subscriptionSends)
      : this.#rosters.rows.get(owner, who).then(row => row !== undefined && isAmong(row, node))
  }

  /** Throws the error for whoever may not: XEP-0060 §6.5.9. */
  async require(owner: JID, node: Node, who: JID): Promise<void> {
    if (!(await this.allows(owner, node, who))) throw REFUSALS[node.config.access]()
  }

  /** Those whom the owner tells of what is published: contacts who may see it. XEP-0163 §4.3.2: who gets the owner's presence. */
  audience(owner: JID, node: Node): Maybe<readonly JID[]> {
    const { access } = node.config
    if (access === 'whitelist') return []
    return then(this.#rosters.of(owner), roster => {
      const contacts = roster.which(sends)
      return access === 'roster' ? this.#inGroups(owner, node, contacts) : contacts
    })
  }

  async #inGroups(owner: JID, node: Node, contacts: readonly JID[]): Promise<readonly JID[]> {
    const rows = new Map((await this.#rosters.rows.items(owner)).map(({ contact, row }) => [contact, row]))
    return contacts.filter(contact => {
      const row = rows.get(contact.toString())
      return row !== undefined && isAmong(row, node)
    })
  }

  /** Contacts whose presence an account gets, and with it what they publish. */
  watched(owner: JID): Maybe<readonly JID[]> {
    return then(this.#rosters.of(owner), roster => roster.which(receives))
  }
}

/** Whether a contact gets the owner's presence and is in one of a node's groups. */
function isAmong({ state, groups = [] }: ContactRow, { config }: Node): boolean {
  return sends(state) && groups.some(group => config.groups.includes(group))
}

const REFUSALS: Readonly<Record<Node['config']['access'], () => StanzaError>> = {
  open: () => pubsubError('forbidden', 'closed-node'),
  // XEP-0060 §6.5.9.6, §6.5.9.7, §6.5.9.8
  presence: () => pubsubError('not-authorized', 'presence-subscription-required'),
  roster: () => pubsubError('not-authorized', 'not-in-roster-group'),
  whitelist: () => pubsubError('not-allowed', 'closed-node'),
}
