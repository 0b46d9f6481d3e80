/** XEP-0060 §8: the owner makes nodes, says how they are, empties them and takes them away. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { ownSession } from '../../core/iq.ts'
import { type Element, xml } from '../../xml/element.ts'
import { type SubmittedValues, valuesIn } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import { changedBy, configForm, DEFAULTS } from './config.ts'
import { unsupported } from './errors.ts'
import type { NodeParts } from './parts.ts'
import { presetOf } from './presets.ts'
import { mostItems, requireRoom } from './publish.ts'
import { nodeName, ownNode } from './requests.ts'

/** XEP-0060 §8.1: makes a node. */
export async function create(
  { store, limits }: NodeParts,
  iq: IqContext,
  action: Element,
): Promise<undefined> {
  ownSession(iq)
  const { owner, payload } = iq
  const name = nodeName(action)
  const wanted = changedBy(filledIn(payload.getChild('configure')))
  const nodes = await store.of(owner)
  // XEP-0060 §8.1.1: "The requested NodeID already exists".
  if (nodes.has(name)) throw new StanzaError('conflict')
  requireRoom(nodes, limits.nodes)
  const { node, write } = store.create(owner, name, { ...presetOf(name), ...wanted })
  await store.add(owner, nodes, node, write)
  return undefined
}

/** XEP-0060 §8.2: how a node is, as a form. */
export async function configuration(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { node } = await ownNode(parts, iq, action)
  return ofOwner(xml('configure', { node: node.name }, configForm(node.config)))
}

/** XEP-0060 §8.3: how nodes are at first. */
export function defaults(iq: IqContext): Element {
  ownSession(iq)
  return ofOwner(xml('default', {}, configForm(DEFAULTS)))
}

/** XEP-0060 §8.2.4: the form comes back. */
export async function configure(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { store, limits } = parts
  const { node } = await ownNode(parts, iq, action)
  const form = action.getChild('x', NS.forms)
  // XEP-0060 §8.2.5: whoever cancels leaves it as it is.
  if (form?.attrs.type === 'cancel') return undefined
  const config = { ...node.config, ...changedBy(filledIn(action)) }
  await store.configure(iq.owner, node, config, mostItems(config, limits.items))
  return undefined
}

/** XEP-0060 §8.4: takes a node away. */
export async function deleteNode(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { nodes, node } = await ownNode(parts, iq, action)
  await parts.store.delete(iq.owner, nodes, node)
  await parts.notifications.deleted(iq.owner, node)
  return undefined
}

/** XEP-0060 §8.5: takes all items away. */
export async function purge(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { store, notifications } = parts
  const { owner } = iq
  const { node } = await ownNode(parts, iq, action)
  // XEP-0060 §8.5.3.3
  if (!node.config.persist) throw unsupported('persistent-items')
  await store.remove(owner, node, [...(await store.ids(owner, node)).keys()])
  await notifications.purged(owner, node)
  return undefined
}

function filledIn(around: Element | undefined): SubmittedValues {
  const form = around?.getChild('x', NS.forms)
  if (form === undefined) return new Map()
  // XEP-0060 §8.2.4
  if (form.attrs.type !== 'submit')
    throw new StanzaError('bad-request', { text: 'the form is not filled in' })
  return valuesIn(form)
}

function ofOwner(content: Element): Element {
  return xml('pubsub', { xmlns: NS.pubsubOwner }, content)
}
