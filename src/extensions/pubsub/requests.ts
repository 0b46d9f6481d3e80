/** What requests about nodes have in common. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { ownSession } from '../../core/iq.ts'
import type { Element } from '../../xml/element.ts'
import { pubsubError } from './errors.ts'
import type { Node, Nodes } from './nodes.ts'
import type { NodeParts } from './parts.ts'

/** Most bytes of the name of a node, and of an item. */
const MOST_NAME = 512

/** The child of `<pubsub/>` that says what is wanted; others, such as options, go with it. */
export function actionOf({ payload }: IqContext, ...beside: readonly string[]): Element {
  const [action, ...more] = payload.getChildElements().filter(child => !beside.includes(child.getName()))
  if (action === undefined || more.length > 0)
    throw new StanzaError('bad-request', { text: 'one element says what is to be done' })
  return action
}

/** The name of the node that a request is about. */
export function nodeName(action: Element): string {
  const { node } = action.attrs
  // XEP-0060 §7.2.3.3 and others
  if (node === undefined || node === '') throw pubsubError('bad-request', 'nodeid-required')
  requireName(node, 'a node')
  return node
}

/** Throws for a name that cannot be kept. */
export function requireName(name: string, what: string): void {
  // A line break is between the name of a node and that of an item where they are stored.
  if (Buffer.byteLength(name) > MOST_NAME || /[\n\r]/.test(name) || !name.isWellFormed())
    throw new StanzaError('not-acceptable', {
      text: `the name of ${what} is a line of at most ${MOST_NAME} bytes`,
    })
}

/** The node of this name. */
export function existing(nodes: Nodes, name: string): Node {
  const node = nodes.get(name)
  if (node === undefined) throw new StanzaError('item-not-found')
  return node
}

/** What a request of the owner is about: a node of his that is there. Throws `forbidden` where somebody else asks. */
export async function ownNode(
  { store }: NodeParts,
  iq: IqContext,
  action: Element,
): Promise<{ readonly nodes: Nodes; readonly node: Node }> {
  ownSession(iq)
  const nodes = await store.of(iq.owner)
  return { nodes, node: existing(nodes, nodeName(action)) }
}
