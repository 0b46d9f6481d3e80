/** XEP-0060 §8.1, XEP-0163 §3: a node is made, by a request or by the first item. */
import { StanzaError } from '../../core/errors.ts'
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { NodeConfig } from './config.ts'
import type { Node, Nodes } from './node.ts'
import type { NodeParts } from './parts.ts'

/** Whose node it is to be, who makes it, and how he wants it. */
export interface NodeWish {
  readonly owner: JID
  readonly nodes: Nodes
  readonly name: string
  readonly wanted: Partial<NodeConfig>
  readonly who: JID
}

/** Makes a node; `writes`: what is to be stored for it. Throws a StanzaError where there must not be one more. */
export async function makeNode(
  { realm, store }: NodeParts,
  { owner, nodes, name, wanted, who }: NodeWish,
): Promise<{ readonly node: Node; readonly writes: readonly Write[] }> {
  await realm.requireCreator(owner, who)
  if (nodes.size >= realm.mostNodes)
    throw new StanzaError('resource-constraint', {
      type: 'cancel',
      text: `no more than ${realm.mostNodes} nodes are kept`,
    })
  return store.create(owner, name, { ...realm.presetOf(name), ...wanted }, realm.related(who))
}
