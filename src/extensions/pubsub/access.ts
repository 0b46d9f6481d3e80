/** XEP-0060 §4.1, §4.5, XEP-0163 §4.3: who may do what with a node. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import { type ContactRow, type Rosters, receives, sends, subscriptionSends } from '../roster/index.ts'
import { pubsubError } from './errors.ts'
import type { Affiliation, Node } from './node.ts'
import type { RelationStore } from './relations.ts'

/** Decides by relations and by the owner's roster; to be asked at the owner's home. */
export class NodeAccess {
  readonly #host: Host
  readonly #rosters: Rosters
  readonly #relations: RelationStore

  constructor(host: Host, rosters: Rosters, relations: RelationStore) {
    this.#host = host
    this.#rosters = rosters
    this.#relations = relations
  }

  /** XEP-0060 §4.1: an account owns its nodes; the administrators own all nodes of the service. */
  async affiliation(owner: JID, node: Node, who: JID): Promise<Affiliation | 'none'> {
    if (who.bare.equals(owner)) return 'owner'
    const { affiliation } = await this.#relations.between(owner, node, who)
    if (affiliation !== 'owner' && owner.local === '' && (await this.#host.isAdmin(who))) return 'owner'
    return affiliation ?? 'none'
  }

  /** Throws the error for whoever is no owner: XEP-0060 §8.2.3.2 and others. */
  async requireOwner(owner: JID, node: Node, who: JID): Promise<void> {
    if ((await this.affiliation(owner, node, who)) !== 'owner') throw new StanzaError('forbidden')
  }

  /** Whether somebody may publish: XEP-0060 §4.1, §7.1.3.1. */
  async mayPublish(owner: JID, node: Node, who: JID): Promise<boolean> {
    const affiliation = await this.affiliation(owner, node, who)
    if (affiliation === 'outcast') return false
    if (affiliation !== 'none' && affiliation !== 'member') return true
    const { publishers } = node.config
    if (publishers === 'publishers') return false
    return publishers === 'open' || (await this.isSubscribed(owner, node, who))
  }

  /** Whether somebody may see what a node holds. */
  async allows(owner: JID, node: Node, who: JID): Promise<boolean> {
    const { access } = node.config
    const affiliation = await this.affiliation(owner, node, who)
    if (affiliation !== 'none') return affiliation !== 'outcast' && affiliation !== 'publish-only'
    if (access === 'open') return true
    if (access === 'whitelist') return false
    if (access === 'authorize') return this.isSubscribed(owner, node, who)
    if (access === 'presence') return this.isContact(owner, who)
    const row = await this.#rosters.rows.get(owner, who)
    return row !== undefined && isAmong(row, node)
  }

  /** Throws the error for whoever may not: XEP-0060 §6.5.9. */
  async require(owner: JID, node: Node, who: JID): Promise<void> {
    if (await this.allows(owner, node, who)) return
    const affiliation = await this.affiliation(owner, node, who)
    // XEP-0060 §6.1.3.8, §6.5.9.10
    throw affiliation === 'none' ? REFUSALS[node.config.access]() : new StanzaError('forbidden')
  }

  /** Whether an address of somebody is subscribed to a node. */
  async isSubscribed(owner: JID, node: Node, who: JID): Promise<boolean> {
    const { subscriptions } = await this.#relations.between(owner, node, who)
    return subscriptions.some(({ state }) => state === 'subscribed')
  }

  /** Whether somebody gets the owner's presence. */
  isContact(owner: JID, who: JID): Maybe<boolean> {
    return owner.local !== '' && then(this.#rosters.subscription(owner, who), subscriptionSends)
  }

  /** The addresses that are subscribed and may see what the node holds. */
  async subscribers(owner: JID, node: Node): Promise<readonly JID[]> {
    const told = await this.#relations.told(owner, node)
    // Whoever is cast out is unsubscribed, so nobody is to be asked about.
    if (told.length === 0 || node.config.access === 'open' || node.config.access === 'authorize') return told
    const allowed = await Promise.all(told.map(jid => this.allows(owner, node, jid)))
    return told.filter((_, i) => allowed[i])
  }

  /** Contacts whom the owner tells of what is published unasked. XEP-0163 §4.3.2: who gets the owner's presence, and may see it. */
  audience(owner: JID, node: Node): Maybe<readonly JID[]> {
    const { access } = node.config
    if (owner.local === '' || access === 'whitelist' || access === 'authorize') return []
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
  open: () => new StanzaError('forbidden'),
  // XEP-0060 §6.5.9.3
  authorize: () => pubsubError('not-authorized', 'not-subscribed'),
  // XEP-0060 §6.5.9.6, §6.5.9.7, §6.5.9.8
  presence: () => pubsubError('not-authorized', 'presence-subscription-required'),
  roster: () => pubsubError('not-authorized', 'not-in-roster-group'),
  whitelist: () => pubsubError('not-allowed', 'closed-node'),
}
