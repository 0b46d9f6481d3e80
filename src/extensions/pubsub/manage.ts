/** XEP-0060 §8.6, §8.8, §8.9: owners of a node decide who has to do with it. */
import { randomUUID } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { blankForm, field, submittedForm } from '../../xml/forms.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { ofOwner } from './answers.ts'
import { unsupported } from './errors.ts'
import type { Affiliation, Node, Relation, Relations, Subscription } from './node.ts'
import type { NodeParts } from './parts.ts'
import { addressIn, ownNode, requireShort } from './requests.ts'

const AUTHORIZATION = `${NS.pubsub}#subscribe_authorization`
/** All affiliations that there are. */
export const AFFILIATIONS: readonly string[] = [
  'owner',
  'publisher',
  'publish-only',
  'member',
  'outcast',
] satisfies Affiliation[]

/** XEP-0060 §8.8.1: who is subscribed. */
export async function subscriptionList(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { node } = await ownNode(parts, iq, action)
  const relations = await parts.store.relations.of(iq.owner, node)
  const all = [...relations.values()].flatMap(({ subscriptions }) => subscriptions)
  // XEP-0060 §8.8.1.2: but not who only wants to be.
  const found = all
    .filter(({ state }) => state === 'subscribed')
    .map(({ jid, state }) => xml('subscription', { jid, subscription: state }))
  return ofOwner(xml('subscriptions', { node: node.name }, found))
}

/** XEP-0060 §8.8.2: others are subscribed, let in or unsubscribed. */
export async function setSubscriptions(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { owner } = iq
  const { node } = await ownNode(parts, iq, action)
  const relations = new Map(await parts.store.relations.of(owner, node))
  const changed: [jid: JID, state: 'none' | 'subscribed'][] = []
  for (const wish of action.getChildren('subscription')) {
    const { subscription } = wish.attrs
    const jid = addressIn(wish)
    if (subscription === undefined) continue
    if (subscription !== 'none' && subscription !== 'subscribed') throw notAcceptable('subscription')
    requireShort(jid)
    const relation = relations.get(jid.bare.toString()) ?? { subscriptions: [] }
    // Whom the owner subscribes unasked must be one who may see it.
    if (relation.affiliation === 'outcast' && subscription === 'subscribed')
      throw notAcceptable('subscription')
    const next = changedTo(relation, jid, subscription)
    if (next === relation) continue
    relations.set(jid.bare.toString(), next)
    changed.push([jid, subscription])
  }
  await store(parts, owner, node, relations, new Set(changed.map(([jid]) => jid.bare.toString())))
  // XEP-0060 §8.8.4
  for (const [jid, state] of changed) parts.notifications.subscription(owner, node, jid.toString(), state)
  return undefined
}

/** XEP-0060 §8.9.1: who is affiliated. */
export async function affiliationList(parts: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { node } = await ownNode(parts, iq, action)
  const relations = await parts.store.relations.of(iq.owner, node)
  const found = [...relations].flatMap(([jid, { affiliation }]) =>
    affiliation === undefined ? [] : [xml('affiliation', { jid, affiliation })],
  )
  // An account has no row about itself.
  const own = iq.owner.local !== '' && xml('affiliation', { jid: iq.owner.toString(), affiliation: 'owner' })
  return ofOwner(xml('affiliations', { node: node.name }, own, found))
}

/** XEP-0060 §8.9.2: affiliations change. All of them or, where one is refused, none. */
export async function setAffiliations(parts: NodeParts, iq: IqContext, action: Element): Promise<undefined> {
  const { owner } = iq
  const { node } = await ownNode(parts, iq, action)
  const relations = new Map(await parts.store.relations.of(owner, node))
  const changed = new Set<string>()
  const ended: Subscription[] = []
  const begun: Subscription[] = []
  for (const wish of action.getChildren('affiliation')) {
    const { affiliation } = wish.attrs
    if (affiliation === undefined) continue
    if (affiliation !== 'none' && !AFFILIATIONS.includes(affiliation))
      throw unsupported(`${affiliation}-affiliation`)
    const jid = addressIn(wish).bare
    const who = jid.toString()
    requireShort(jid)
    // XEP-0060 §8.9.2.4: "The owner MUST NOT specify multiple <affiliation/> elements for the same entity".
    if (changed.has(who)) throw new StanzaError('bad-request', { text: `${who} is there twice` })
    // An account stays the owner of its nodes.
    if (jid.equals(owner)) throw notAcceptable('affiliation')
    const { subscriptions } = relations.get(who) ?? { subscriptions: [] }
    // XEP-0060 §8.7.4: who is cast out is unsubscribed; who becomes an owner or publisher need not wait any more.
    const kept = affiliation === 'outcast' || affiliation === 'publish-only' ? [] : subscriptions
    if (kept.length === 0) ended.push(...subscriptions)
    const lets = affiliation === 'owner' || affiliation === 'publisher' || affiliation === 'member'
    if (lets) begun.push(...kept.filter(({ state }) => state === 'pending'))
    relations.set(who, {
      ...(affiliation !== 'none' && { affiliation: affiliation as Affiliation }),
      subscriptions: lets ? kept.map(one => ({ ...one, state: 'subscribed' as const })) : kept,
    })
    changed.add(who)
  }
  // XEP-0060 §8.9.2.4: a node has an owner.
  if (owner.local === '' && ![...relations.values()].some(({ affiliation }) => affiliation === 'owner'))
    throw notAcceptable('affiliation')
  await store(parts, owner, node, relations, changed)
  for (const { jid } of ended) parts.notifications.subscription(owner, node, jid, 'none')
  for (const { jid } of begun) parts.notifications.subscription(owner, node, jid, 'subscribed')
  return undefined
}

/** XEP-0060 §8.6: asks the owners of a node whether somebody may subscribe. */
export async function requestApproval(
  { host, store }: NodeParts,
  owner: JID,
  node: Node,
  { jid }: Subscription,
): Promise<void> {
  const form = blankForm({
    formType: AUTHORIZATION,
    title: 'Somebody wants to subscribe',
    fields: {
      'pubsub#node': { ...field.text({ label: 'Node' }), value: node.name },
      'pubsub#subscriber_jid': { ...field.text({ label: 'Address' }), value: jid },
      'pubsub#allow': field.boolean({ label: 'Allow it?' }),
    },
  })
  const relations = await store.relations.of(owner, node)
  const owners = [...relations]
    .filter(([, { affiliation }]) => affiliation === 'owner')
    .map(([who]) => JID.parse(who))
  if (owner.local !== '') owners.push(owner)
  const request = Stanza.build('message', { from: owner, id: randomUUID() }, form)
  for (const to of owners) host.router.route(request.readdress(to))
}

/** XEP-0060 §8.6: an owner's answer to that. What does not answer anything is left aside. */
export async function approve(parts: NodeParts, owner: JID, answer: Stanza): Promise<void> {
  const form = answer.child('x', NS.forms)
  const values = form && submittedForm(form)
  if (values?.get('FORM_TYPE') !== AUTHORIZATION) return
  const node = (await parts.store.of(owner)).get(values.get('pubsub#node') ?? '')
  const jid = parsed(values.get('pubsub#subscriber_jid') ?? '')
  const allow = field.boolean({ label: '' }).read([values.get('pubsub#allow') ?? ''])
  if (node === undefined || jid === undefined || allow === undefined) throw new StanzaError('bad-request')
  await parts.access.requireOwner(owner, node, answer.from)
  const relation = await parts.store.relations.between(owner, node, jid)
  const waits = relation.subscriptions.some(one => one.jid === jid.toString() && one.state === 'pending')
  // Somebody else has answered, or he has given up.
  if (!waits) return
  const next = changedTo(relation, jid, allow ? 'subscribed' : 'none')
  await parts.store.relations.change(owner, node, new Map([[jid.bare.toString(), next]]))
  parts.notifications.subscription(owner, node, jid.toString(), allow ? 'subscribed' : 'none')
  if (allow) await parts.notifications.lastTo(owner, node, jid)
}

/** Whether a message may be an answer of that kind. */
export function isApproval(message: Stanza): boolean {
  const form = message.child('x', NS.forms)
  return form !== undefined && submittedForm(form)?.get('FORM_TYPE') === AUTHORIZATION
}

function changedTo(relation: Relation, jid: JID, state: 'none' | 'subscribed'): Relation {
  const text = jid.toString()
  const had = relation.subscriptions.find(one => one.jid === text)
  if ((had?.state ?? 'none') === state) return relation
  const others = relation.subscriptions.filter(one => one !== had)
  const next: readonly Subscription[] =
    state === 'none' ? [] : [{ jid: text, state, deliver: had?.deliver ?? true }]
  return { ...relation, subscriptions: [...others, ...next] }
}

async function store(
  { store: { relations }, limits }: NodeParts,
  owner: JID,
  node: Node,
  next: Relations,
  changed: ReadonlySet<string>,
): Promise<void> {
  if (next.size > limits.relations)
    throw new StanzaError('resource-constraint', {
      type: 'cancel',
      text: `no more than ${limits.relations} users have to do with a node`,
    })
  await relations.change(owner, node, new Map([...changed].map(who => [who, next.get(who)])))
}

function parsed(text: string): JID | undefined {
  try {
    return JID.parse(text)
  } catch (error) {
    if (error instanceof JIDError) return undefined
    throw error
  }
}

function notAcceptable(what: string): StanzaError {
  return new StanzaError('not-acceptable', { text: `this ${what} cannot be` })
}
