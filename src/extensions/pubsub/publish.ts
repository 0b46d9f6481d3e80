/** XEP-0060 §7.1, §7.2: items are published, and taken back. XEP-0163 §3: by the owner of the account. */
import { randomUUID } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Write } from '../../storage/types.ts'
import { copyOf, type Element, xml } from '../../xml/element.ts'
import { valuesIn } from '../../xml/forms.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { printAlone } from '../../xml/stored.ts'
import { inPubsub } from './answers.ts'
import { type Access, changedBy, fits, type NodeConfig } from './config.ts'
import { pubsubError, unsupported } from './errors.ts'
import { makeNode, type NodeWish } from './make.ts'
import type { Item, Node, Room } from './node.ts'
import type { NodeParts } from './parts.ts'
import { nodeName, nodeOf, requireName } from './requests.ts'

/** Takes an item. The answer says how it is called. */
export async function publish(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { store, limits, notifications } = parts
  const { owner, payload, stanza } = iq
  const name = nodeName(action)
  const wanted = optionsIn(payload, parts.realm.models)
  const nodes = await store.of(owner)
  const item = {
    ...itemIn(action, limits.bytes),
    publisher: stanza.from.toString(),
    at: parts.host.clock.now(),
  }
  await parts.heard?.inspected(owner, name, item)
  const { node, also } = await nodeFor(parts, { owner, nodes, name, wanted, who: stanza.from })
  if (node.config.persist)
    await store.edit(owner, nodes, [{ node, put: item, room: roomOf(node, limits) }], also)
  else if (also.length > 0) await store.add(owner, nodes, node, also)
  await notifications.published(owner, node, item)
  await parts.heard?.published(owner, node, item)
  const published = xml('publish', { node: name }, xml('item', { id: item.id }))
  return inPubsub(published)
}

/** Takes an item back. */
export async function retract(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { store, notifications } = parts
  const { owner } = iq
  const { nodes, node } = await nodeOf(parts, iq, action)
  const [item, ...others] = action.getChildren('item')
  // XEP-0060 §7.2.3.4
  if (item?.attrs.id === undefined || others.length > 0) throw pubsubError('bad-request', 'item-required')
  const { id } = item.attrs
  await requireMayRetract(parts, iq, node, id)
  // XEP-0060 §7.2.3.5
  if (!node.config.persist) throw unsupported('persistent-items')
  // XEP-0060 §7.2.3.2
  if (!(await store.ids(owner, node)).has(id)) throw new StanzaError('item-not-found')
  await store.edit(owner, nodes, [{ node, drop: [id] }])
  const { notify } = action.attrs
  // XEP-0060 §7.2.2.1: whoever retracts may say so himself.
  if (node.config.notifyRetract || notify === 'true' || notify === '1')
    await notifications.retracted(owner, node, [id])
  await parts.heard?.removed(owner, node, [id])
  return undefined
}

/** XEP-0060 §4.1, §7.2.3.1: owners and publishers take back any item, whoever else may publish only his own. */
async function requireMayRetract(
  { store, access }: NodeParts,
  { owner, stanza: { from } }: IqContext,
  node: Node,
  id: string,
): Promise<void> {
  const affiliation = await access.affiliation(owner, node, from)
  if (affiliation === 'owner' || affiliation === 'publisher') return
  const own = (await access.mayPublish(owner, node, from)) && (await store.item(owner, node, id))
  if (!own || !JID.parse(own.publisher).bare.equals(from.bare)) throw new StanzaError('forbidden')
}

/** How much a node may hold. */
export function roomOf({ config }: Node, { items, nodeBytes }: NodeParts['limits']): Room {
  return { items: mostItems(config, items), size: nodeBytes }
}

/** How many items a node keeps. */
export function mostItems({ items }: NodeConfig, limit: number): number {
  return items === 'max' ? limit : Math.min(items, limit)
}

/** XEP-0060 §7.1.5, XEP-0222 §3, XEP-0223 §3: what the publisher wants the node to be like. */
function optionsIn(payload: Element, models: readonly Access[]): Partial<NodeConfig> {
  const form = payload.getChild('publish-options')?.getChild('x', NS.forms)
  return form === undefined ? {} : changedBy(valuesIn(form), models)
}

/** The node to publish to: made, where there is none (XEP-0163 §3); `also`: what is to be stored for that. */
async function nodeFor(
  parts: NodeParts,
  wish: NodeWish,
): Promise<{ readonly node: Node; readonly also: readonly Write[] }> {
  const { store, limits, access } = parts
  const { owner, nodes, name, wanted, who } = wish
  const known = nodes.get(name)
  if (known === undefined) {
    const { node, writes } = await makeNode(parts, wish)
    return { node, also: writes }
  }
  // XEP-0060 §7.1.3.1
  if (!(await access.mayPublish(owner, known, who))) throw new StanzaError('forbidden')
  if (fits(known.config, wanted)) return { node: known, also: [] }
  // Who sees it is never changed by the way: XEP-0060 §7.1.5. All else an owner who publishes simply gets (docs/decisions/0025).
  const given = wanted.access === undefined || wanted.access === known.config.access
  if (!given || (await access.affiliation(owner, known, who)) !== 'owner')
    throw pubsubError('conflict', 'precondition-not-met')
  const config = { ...known.config, ...wanted }
  await store.configure(owner, known, config, mostItems(config, limits.items))
  return { node: known, also: [] }
}

function itemIn(action: Element, mostBytes: number): Pick<Item, 'id' | 'payload'> {
  const [item, ...others] = action.getChildren('item')
  // XEP-0060 §7.1.3.7: our nodes hand over payloads.
  if (item === undefined) throw pubsubError('bad-request', 'item-required')
  // XEP-0060 §7.1.1: several at once are no longer allowed.
  if (others.length > 0) throw new StanzaError('bad-request', { text: 'one item is published at a time' })
  const { id = randomUUID() } = item.attrs
  requireName(id, 'an item')
  const [payload, ...more] = item.getChildElements()
  if (payload === undefined) throw pubsubError('bad-request', 'payload-required')
  // XEP-0060 §7.1.3.6
  if (more.length > 0) throw pubsubError('bad-request', 'invalid-payload')
  const text = printAlone(copyOf(payload))
  // XEP-0060 §7.1.3.5
  if (Buffer.byteLength(text) > mostBytes)
    throw pubsubError('not-acceptable', 'payload-too-big', { text: `an item has at most ${mostBytes} bytes` })
  return { id, payload: text }
}
