/** What requests about nodes have in common. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Element } from '../../xml/element.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { pubsubError } from './errors.ts'
import type { Node, Nodes } from './node.ts'
import type { NodeParts } from './parts.ts'

/** COMPAT Profanity 0.13: it publishes a first list of devices where the answer for the one that is not there yet has the code of XEP-0086. */
const DEVICES = `${NS.omemoLegacy}.devicelist`
/** Most bytes of the name of a node, and of an item. */
const MOST_NAME = 512

/** The child of `<pubsub/>` that says what is wanted; others, such as options, may go with it. */
export function actionOf({ payload }: IqContext, beside: (name: string) => boolean): Element {
  const children = payload.getChildElements()
  const wanted = children.filter(child => !beside(child.getName()))
  const [action, ...more] = wanted.length > 0 ? wanted : children
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

/** Throws for a bare address that is too long to be a part of a key. */
export function requireShort(jid: JID): void {
  if (Buffer.byteLength(jid.bare.toString()) > MOST_NAME - 1)
    throw new StanzaError('not-acceptable', { text: `addresses have less than ${MOST_NAME} bytes here` })
}

/** The node of this name. */
export function existing(nodes: Nodes, name: string): Node {
  const node = nodes.get(name)
  if (node === undefined) throw new StanzaError('item-not-found', name === DEVICES ? { code: 404 } : {})
  return node
}

/** The node that a request is about, with all others of the same owner. */
export async function nodeOf(
  { store }: NodeParts,
  { owner }: IqContext,
  action: Element,
): Promise<{ readonly nodes: Nodes; readonly node: Node }> {
  const nodes = await store.of(owner)
  return { nodes, node: existing(nodes, nodeName(action)) }
}

/** The same of a request that only an owner of the node may make. Throws `forbidden` where somebody else asks. */
export async function ownNode(
  parts: NodeParts,
  iq: IqContext,
  action: Element,
): Promise<{ readonly nodes: Nodes; readonly node: Node }> {
  const found = await nodeOf(parts, iq, action)
  await parts.access.requireOwner(iq.owner, found.node, iq.stanza.from)
  return found
}

/** An address that a request names. */
export function addressIn(action: Element): JID {
  const { jid } = action.attrs
  // XEP-0060 §6.3.4.3
  if (jid === undefined) throw pubsubError('bad-request', 'jid-required')
  try {
    return JID.parse(jid)
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw pubsubError('bad-request', 'invalid-jid')
  }
}
