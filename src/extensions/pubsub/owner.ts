/** XEP-0060 §8: the owner makes nodes, says how they are, empties them and takes them away. */

import { randomUUID } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { type SubmittedValues, valuesIn } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import { inPubsub, ofOwner } from './answers.ts'
import { changedBy, configForm } from './config.ts'
import { unsupported } from './errors.ts'
import { makeNode } from './make.ts'
import type { NodeParts } from './parts.ts'
import { mostItems } from './publish.ts'
import { nodeName, ownNode } from './requests.ts'

/** XEP-0060 §8.1: makes a node. */
export async function create(parts: NodeParts, iq: IqContext, action: Element): Promise<Element | undefined> {
  const { owner, payload, stanza } = iq
  // XEP-0060 §8.1.1: without a name the service finds one.
  const instant = action.attrs.node === undefined
  const name = instant ? randomUUID() : nodeName(action)
  const wanted = changedBy(filledIn(payload.getChild('configure')), parts.realm.models)
  const nodes = await parts.store.of(owner)
  // XEP-0060 §8.1.1: "The requested NodeID already exists".
  if (nodes.has(name)) throw new StanzaError('conflict')
  const { node, writes } = await makeNode(parts, { owner, nodes, name, wanted, who: stanza.from })
  await parts.store.add(owner, nodes, node, writes)
  return instant ? inPubsub(xml('create', { node: name })) : undefined
}

/** XEP-0060 §8.2: how a node is, as a form. */
export async function configuration(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { node } = await ownNode(parts, iq, action)
  return ofOwner(xml('configure', { node: node.name }, configForm(node.config, parts.realm.models)))
}

/** XEP-0060 §8.3: how nodes are at first. */
export function defaults({ realm }: NodeParts): Element {
  return ofOwner(xml('default', {}, configForm(realm.presetOf(''), realm.models)))
}

/** XEP-0060 §8.2.4: the form comes back. */
export async function configure(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { store, limits, realm, notifications } = parts
  const { node } = await ownNode(parts, iq, action)
  const form = action.getChild('x', NS.forms)
  // XEP-0060 §8.2.5: whoever cancels leaves it as it is.
  if (form?.attrs.type === 'cancel') return undefined
  const config = { ...node.config, ...changedBy(filledIn(action), realm.models) }
  await store.configure(iq.owner, node, config, mostItems(config, limits.items))
  if (config.notifyConfig) await notifications.configured(iq.owner, node, configForm(config, realm.models))
  return undefined
}

/** XEP-0060 §8.4: takes a node away. */
export async function deleteNode(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { nodes, node } = await ownNode(parts, iq, action)
  const ids = [...(await parts.store.ids(iq.owner, node)).keys()]
  await parts.store.edit(iq.owner, nodes, [{ node, gone: true }])
  await parts.notifications.deleted(iq.owner, node)
  await parts.heard?.removed(iq.owner, node, ids)
  return undefined
}

/** XEP-0060 §8.5: takes all items away. */
export async function purge(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { store, notifications } = parts
  const { owner } = iq
  const { nodes, node } = await ownNode(parts, iq, action)
  // XEP-0060 §8.5.3.3
  if (!node.config.persist) throw unsupported('persistent-items')
  const drop = [...(await store.ids(owner, node)).keys()]
  await store.edit(owner, nodes, [{ node, drop }])
  await notifications.purged(owner, node)
  await parts.heard?.removed(owner, node, drop)
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
