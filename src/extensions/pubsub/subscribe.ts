/** XEP-0060 §5.6, §5.7, §6: users subscribe to nodes, and see what they have to do with which. */
import { StanzaError } from '../../core/errors.ts'
import type { IqAnswer, IqContext } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { blankForm, field, valuesIn } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { inPubsub } from './answers.ts'
import { pubsubError } from './errors.ts'
import { requestApproval } from './manage.ts'
import type { Node, Relation, Subscription } from './node.ts'
import type { NodeParts } from './parts.ts'
import { addressIn, nodeOf, requireShort } from './requests.ts'

const OPTIONS = `${NS.pubsub}#subscribe_options`

/** XEP-0060 §6.1: subscribes an address of whoever asks. */
export async function subscribe(parts: NodeParts, iq: IqContext, action: Element): Promise<IqAnswer> {
  const { store, access, notifications } = parts
  const { owner, stanza, payload } = iq
  const who = stanza.from
  const jid = ownAddress(action, who, 'bad-request')
  const deliver = deliverIn(payload.getChild('options'))
  const { node } = await nodeOf(parts, iq, action)
  const affiliation = await access.affiliation(owner, node, who)
  // XEP-0060 §6.1.3.8, §4.1
  if (affiliation === 'outcast' || affiliation === 'publish-only') throw new StanzaError('forbidden')
  const asks = node.config.access === 'authorize' && affiliation === 'none'
  if (!asks) await access.require(owner, node, who)
  const relation = await store.relations.between(owner, node, who)
  const had = subscriptionOf(relation, jid)
  // XEP-0060 §6.1.3.7
  if (had?.state === 'pending' && asks) throw pubsubError('not-authorized', 'pending-subscription')
  // XEP-0060 §6.1.6: one who is subscribed is told so.
  if (had?.state === 'subscribed') return { payload: inPubsub(shown(node, had)) }
  await requireRoom(parts, owner, node, who, relation)
  const subscription: Subscription = {
    jid: jid.toString(),
    state: asks ? 'pending' : 'subscribed',
    deliver: deliver ?? true,
  }
  await store.relations.change(owner, node, new Map([[who.bare.toString(), withIt(relation, subscription)]]))
  const after = asks
    ? () => requestApproval(parts, owner, node, subscription)
    : () => notifications.lastTo(owner, node, jid)
  return { payload: inPubsub(shown(node, subscription)), after }
}

/** XEP-0060 §6.2: the end of a subscription. */
export async function unsubscribe(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { owner, stanza } = iq
  // XEP-0060 §6.2.3.3
  const jid = ownAddress(action, stanza.from, 'forbidden')
  const { node } = await nodeOf(parts, iq, action)
  const relation = await parts.store.relations.between(owner, node, stanza.from)
  const had = requireSubscription(relation, jid)
  const rest = relation.subscriptions.filter(subscription => subscription !== had)
  const changes = new Map([[stanza.from.bare.toString(), { ...relation, subscriptions: rest }]])
  await parts.store.relations.change(owner, node, changes)
  return inPubsub(xml('subscription', { node: node.name, jid: had.jid, subscription: 'none' }))
}

/** XEP-0060 §6.3.2: how an address is subscribed, as a form. */
export async function options(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { owner, stanza } = iq
  const jid = ownAddress(action, stanza.from, 'forbidden')
  const { node } = await nodeOf(parts, iq, action)
  const had = requireSubscription(await parts.store.relations.between(owner, node, stanza.from), jid)
  return inPubsub(xml('options', { node: node.name, jid: had.jid }, optionsForm(had.deliver)))
}

/** XEP-0060 §6.3.5: the form comes back. */
export async function setOptions(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { owner, stanza } = iq
  const jid = ownAddress(action, stanza.from, 'forbidden')
  const deliver = deliverIn(action)
  const { node } = await nodeOf(parts, iq, action)
  const relation = await parts.store.relations.between(owner, node, stanza.from)
  const had = requireSubscription(relation, jid)
  if (deliver === undefined || deliver === had.deliver) return undefined
  const changes = new Map([[stanza.from.bare.toString(), withIt(relation, { ...had, deliver })]])
  await parts.store.relations.change(owner, node, changes)
  return undefined
}

/** XEP-0060 §6.4: how addresses are subscribed if nobody says otherwise. */
export function defaultOptions(): Element {
  return inPubsub(xml('default', {}, optionsForm(true)))
}

/** XEP-0060 §5.6: the subscriptions of whoever asks. */
export async function subscriptions(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { node } = action.attrs
  const found = (await ownRelations(parts, iq, node)).flatMap(([node, relation]) =>
    relation.subscriptions.map(subscription => shown(node, subscription)),
  )
  return inPubsub(xml('subscriptions', { node }, found))
}

/** XEP-0060 §5.7: the affiliations of whoever asks. */
export async function affiliations(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { node } = action.attrs
  const found = (await ownRelations(parts, iq, node)).flatMap(([{ name }, { affiliation }]) =>
    affiliation === undefined ? [] : [xml('affiliation', { node: name, affiliation })],
  )
  return inPubsub(xml('affiliations', { node }, found))
}

async function ownRelations(
  { store }: NodeParts,
  { owner, stanza: { from } }: IqContext,
  only: string | undefined,
): Promise<readonly (readonly [Node, Relation])[]> {
  const nodes = await store.of(owner)
  const names = only === undefined ? await store.relations.nodesOf(owner, from) : [only]
  const found: [Node, Relation][] = []
  for (const name of names) {
    const node = nodes.get(name)
    if (node !== undefined) found.push([node, await store.relations.between(owner, node, from)])
  }
  return found
}

/** A subscription as those see it whose it is, or who own the node. */
function shown({ name }: Node, { jid, state }: Subscription): Element {
  return xml('subscription', { node: name, jid, subscription: state })
}

/** The address that a request is about: one of whoever asks. XEP-0060 §6.1.3.1, §6.2.3.3, §6.3.4.1. */
function ownAddress(action: Element, who: JID, refusal: 'bad-request' | 'forbidden'): JID {
  const jid = addressIn(action)
  if (jid.bare.equals(who.bare)) return jid
  throw refusal === 'forbidden' ? new StanzaError('forbidden') : pubsubError('bad-request', 'invalid-jid')
}

function subscriptionOf({ subscriptions }: Relation, jid: JID): Subscription | undefined {
  const text = jid.toString()
  return subscriptions.find(subscription => subscription.jid === text)
}

/** XEP-0060 §6.2.3.2, §6.3.4.2 */
function requireSubscription(relation: Relation, jid: JID): Subscription {
  const had = subscriptionOf(relation, jid)
  if (had === undefined) throw pubsubError('unexpected-request', 'not-subscribed', { type: 'cancel' })
  return had
}

/** A relation with a subscription in place of one of the same address. */
function withIt(relation: Relation, subscription: Subscription): Relation {
  const others = relation.subscriptions.filter(({ jid }) => jid !== subscription.jid)
  return { ...relation, subscriptions: [...others, subscription] }
}

/** Addresses of one user that a node tells: he has no more devices than that. */
const MOST_ADDRESSES = 20

/** XEP-0060 §6.1.3.9 */
async function requireRoom(
  { store, limits }: NodeParts,
  owner: JID,
  node: Node,
  who: JID,
  { subscriptions }: Relation,
): Promise<void> {
  requireShort(who)
  const relations = await store.relations.of(owner, node)
  const isNew = !relations.has(who.bare.toString())
  const full =
    subscriptions.length >= MOST_ADDRESSES ||
    (isNew && relations.size >= limits.relations) ||
    (isNew && (await store.relations.nodesOf(owner, who)).length >= limits.subscriptions)
  if (full) throw pubsubError('policy-violation', 'too-many-subscriptions')
}

function optionsForm(deliver: boolean): Element {
  return blankForm({
    formType: OPTIONS,
    title: 'How you are subscribed',
    fields: { 'pubsub#deliver': field.boolean({ label: 'Tell me of what is published', value: deliver }) },
  })
}

/** Whether somebody wants to be told, where he says so. Other options mean nothing here. */
function deliverIn(around: Element | undefined): boolean | undefined {
  const form = around?.getChild('x', NS.forms)
  const values = form === undefined || form.attrs.type === 'cancel' ? undefined : valuesIn(form)
  const text = values?.get('pubsub#deliver')?.[0]
  if (text === undefined) return undefined
  const flag = field.boolean({ label: '' }).read([text])
  // XEP-0060 §6.3.6.2
  if (flag === undefined) throw pubsubError('bad-request', 'invalid-options')
  return flag
}
