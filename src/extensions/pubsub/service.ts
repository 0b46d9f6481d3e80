/** XEP-0060: the service of a host, `pubsub.<host>`, at which users make nodes of their own. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { dispatchIq } from '../../core/iq.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { ReceivingService } from '../../core/services.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Access } from './config.ts'
import { approve, isApproval } from './manage.ts'
import type { NodeParts, Realm } from './parts.ts'
import { SERVICE_NODE } from './presets.ts'
import type { RelationStore } from './relations.ts'

/** Its owner, in the sense of homes and of the storage, is its address: its home runs it, its lane orders it. */
export class PubsubService implements ReceivingService {
  readonly #host: Host
  readonly #jid: JID
  readonly #parts: NodeParts

  constructor(host: Host, jid: JID, parts: NodeParts) {
    this.#host = host
    this.#jid = jid
    this.#parts = parts
  }

  owner(): JID {
    return this.#jid
  }

  receive(stanza: Stanza): Maybe<void> {
    const { router } = this.#host
    // Presence tells it nothing, and an error that answers a notification ends no subscription.
    if (stanza.kind === 'presence' || stanza.type === 'error') return
    if (stanza.to !== undefined && !stanza.to.equals(this.#jid)) throw new StanzaError('item-not-found')
    if (stanza.kind === 'iq')
      return dispatchIq(
        stanza,
        { host: this.#host, place: 'pubsub', owner: this.#jid },
        { send: answer => router.route(answer) },
      )
    if (!isApproval(stanza)) throw new StanzaError('service-unavailable')
    return router.homes.inLane(this.#jid, () => approve(this.#parts, this.#jid, stanza))
  }
}

/** Who may make nodes at the service. */
export type Creators = 'users' | 'admins'

/** What is so of nodes of the service. */
export interface ServiceOptions {
  readonly creators: Creators
  readonly mostNodes: number
  /** Most nodes that one user owns. */
  readonly nodesPerUser: number
}

const MODELS: readonly Access[] = ['open', 'authorize', 'whitelist']

/** The nodes of the service: everybody's who makes one. */
export function serviceRealm(
  host: Host,
  relations: RelationStore,
  { creators, mostNodes, nodesPerUser }: ServiceOptions,
): Realm {
  return {
    presetOf: () => SERVICE_NODE,
    models: MODELS,
    mostNodes,
    async requireCreator(owner, who) {
      const isAdmin = await host.isAdmin(who)
      const isUser = who.domain === host.domain && who.local !== ''
      // XEP-0060 §8.1.1: "The requesting entity does not have sufficient privileges to create nodes".
      if (!isAdmin && (creators === 'admins' || !isUser)) throw new StanzaError('forbidden')
      if (!isAdmin && (await relations.nodesOf(owner, who)).length >= nodesPerUser)
        throw new StanzaError('resource-constraint', {
          type: 'cancel',
          text: `no more than ${nodesPerUser} nodes are yours`,
        })
    },
    related: who => new Map([[who.bare.toString(), { affiliation: 'owner', subscriptions: [] }]]),
  }
}

/** A user is there no more: he has nothing to do with nodes any longer, and those that had no other owner go with him. */
export async function forgetUser(parts: NodeParts, service: JID, who: JID): Promise<void> {
  const { store, notifications } = parts
  const nodes = await store.of(service)
  for (const name of await store.relations.nodesOf(service, who)) {
    const node = nodes.get(name)
    if (node === undefined) continue
    const text = who.toString()
    const { affiliation } = await store.relations.between(service, node, who)
    await store.relations.change(service, node, new Map([[text, undefined]]))
    const rest = [...(await store.relations.of(service, node)).values()]
    if (affiliation !== 'owner' || rest.some(other => other.affiliation === 'owner')) continue
    await store.edit(service, nodes, [{ node, gone: true }])
    await notifications.deleted(service, node)
  }
}
