/** XEP-0060 §5.2 to §5.5, XEP-0163 §6: which nodes there are, what a node is and what it holds. */

import type { Maybe } from '../../core/maybe.ts'
import { type Element, xml } from '../../xml/element.ts'
import { resultForm } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { DiscoItems, DiscoNodes } from '../disco.ts'
import type { Node } from './node.ts'
import type { NodeParts } from './parts.ts'

/** What service discovery says of nodes to those who may see them. */
export function discoNodes({ host, store, access }: NodeParts): DiscoNodes {
  const inLane = <T>(owner: JID, task: () => Promise<T>): Maybe<T> => host.router.homes.inLane(owner, task)
  const visible = async (owner: JID, name: string, who: JID): Promise<Node | undefined> => {
    const node = (await store.of(owner)).get(name)
    return node !== undefined && (await access.allows(owner, node, who)) ? node : undefined
  }
  return {
    info: ({ owner, stanza }, name) =>
      inLane(owner, async () => {
        const isService = owner.local === ''
        // XEP-0060 §5.3: of the service everybody learns how a node is, if only to subscribe.
        const node = isService ? (await store.of(owner)).get(name) : await visible(owner, name, stanza.from)
        if (node === undefined) return undefined
        const said = [
          xml('identity', { category: 'pubsub', type: 'leaf' }),
          xml('feature', { var: NS.pubsub }),
        ]
        return isService ? [...said, await metadata(owner, node)] : said
      }),
    items: ({ owner, stanza }, name) =>
      inLane(owner, async () => {
        const node = await visible(owner, name, stanza.from)
        if (node === undefined) return undefined
        const ids = await store.ids(owner, node)
        return [...ids.keys()].map(id => xml('item', { jid: owner.toString(), name: id }))
      }),
  }

  /** XEP-0060 §5.4 */
  async function metadata(owner: JID, node: Node): Promise<Element> {
    const relations = await store.relations.of(owner, node)
    const owners = [...relations].filter(([, { affiliation }]) => affiliation === 'owner').map(([who]) => who)
    const { title, access: model, publishers } = node.config
    return resultForm(`${NS.pubsub}#meta-data`, {
      'pubsub#title': [title],
      'pubsub#owner': owners,
      'pubsub#access_model': [model],
      'pubsub#publish_model': [publishers],
      'pubsub#num_subscribers': [String((await store.relations.told(owner, node)).length)],
      'pubsub#num_items': [String((await store.ids(owner, node)).size)],
    })
  }
}

/** XEP-0060 §5.2, XEP-0163 §6.2: the nodes; of an account only those that whoever asks may see. */
export function nodeList({ host, store, access }: NodeParts): DiscoItems {
  return ({ owner, stanza: { from } }) =>
    host.router.homes.inLane(owner, async () => {
      const found: Element[] = []
      for (const node of (await store.of(owner)).values()) {
        const { access: model, title } = node.config
        const shown = model === 'open' || (await access.allows(owner, node, from))
        if (!shown) continue
        found.push(
          xml('item', { jid: owner.toString(), node: node.name, ...(title !== '' && { name: title }) }),
        )
      }
      return found
    })
}
