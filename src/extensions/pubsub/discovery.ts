/** XEP-0060 §5.2 to §5.5, XEP-0163 §6.1: the nodes of an account, and what a node is. */

import { xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import type { DiscoNodes } from '../disco.ts'
import type { NodeParts } from './parts.ts'

/** What service discovery says of nodes to those who may see them. */
export function accountNodes({ store, access }: NodeParts): DiscoNodes {
  return {
    async info({ owner, stanza }, name) {
      const node = (await store.of(owner)).get(name)
      if (node === undefined || !(await access.allows(owner, node, stanza.from))) return undefined
      return [xml('identity', { category: 'pubsub', type: 'leaf' }), xml('feature', { var: NS.pubsub })]
    },
    async items({ owner, stanza }, name) {
      const node = (await store.of(owner)).get(name)
      if (node === undefined || !(await access.allows(owner, node, stanza.from))) return undefined
      const ids = await store.ids(owner, node)
      return [...ids.keys()].map(id => xml('item', { jid: owner.toString(), name: id }))
    },
  }
}
