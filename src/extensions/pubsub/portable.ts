/** XEP-0227 §4.10: the nodes of an account, and what they hold. */
import { StanzaError } from '../../core/errors.ts'
import { rowsOf, rowsWith } from '../../core/pages.ts'
import type { Portable } from '../../core/portable.ts'
import type { Storage, Write } from '../../storage/types.ts'
import { copyOf, type Element, xml } from '../../xml/element.ts'
import { valuesIn } from '../../xml/forms.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import { inPubsub, ofOwner } from './answers.ts'
import { ACCOUNT_MODELS, changedBy, configForm, DEFAULTS, type NodeConfig } from './config.ts'
import { AFFILIATIONS } from './manage.ts'
import { type Affiliation, itemsIn, keyOf, nodesIn, type Relation } from './node.ts'
import { accountNode } from './presets.ts'
import { RelationStore, relationsIn } from './relations.ts'

/** Items in memory at once as they are written: each may be large. */
const PAGE = 50

/** How nodes are and who has to do with them, then their items, a node at a time. */
export const portable: Portable = {
  elements: [
    ['pubsub', NS.pubsubOwner],
    ['pubsub', NS.pubsub],
  ],
  async *write({ storage }, owner) {
    const nodes = await rowsOf(nodesIn(storage), owner)
    for (const { key: node, item } of nodes) {
      const relations = await rowsWith(relationsIn(storage), owner, keyOf(node, ''))
      const all = relations.map(row => [row.key.slice(keyOf(node, '').length), row.item] as const)
      yield printAlone(configured(node, { ...DEFAULTS, ...item.config }, all))
      const seqs = new Map<string, number>()
      for (const row of await rowsWith(itemsIn(storage), owner, keyOf(node, '')))
        seqs.set(row.key, row.item.seq)
      const keys = [...seqs].sort(([, one], [, other]) => one - other).map(([key]) => key)
      for (let n = 0; n < keys.length; n += PAGE)
        yield printAlone(await held(storage, owner, node, keys.slice(n, n + PAGE)))
    }
  },
  async take({ storage }, owner, element) {
    const tree = element.tree()
    return element.ns === NS.pubsubOwner ? takeNodes(storage, owner, tree) : takeItems(storage, owner, tree)
  },
}

function configured(
  node: string,
  config: NodeConfig,
  relations: readonly (readonly [who: string, relation: Relation])[],
): Element {
  const affiliated = relations.flatMap(([jid, { affiliation }]) =>
    affiliation === undefined ? [] : [xml('affiliation', { jid, affiliation })],
  )
  const subscribed = relations.flatMap(([, { subscriptions }]) =>
    subscriptions.map(({ jid, state }) => xml('subscription', { jid, subscription: state })),
  )
  return ofOwner(
    xml('configure', { node }, configForm(config, ACCOUNT_MODELS)),
    affiliated.length > 0 && xml('affiliations', { node }, affiliated),
    subscribed.length > 0 && xml('subscriptions', { node }, subscribed),
  )
}

async function held(storage: Storage, owner: JID, node: string, keys: readonly string[]): Promise<Element> {
  const items: Element[] = []
  for (const key of keys) {
    const row = await itemsIn(storage).get(owner, key)
    if (row === undefined) continue
    const payload = row.payload !== undefined && parseElement(row.payload)
    items.push(xml('item', { id: key.slice(keyOf(node, '').length) }, payload))
  }
  return inPubsub(xml('items', { node }, items))
}

function takeNodes(storage: Storage, owner: JID, tree: Element): readonly Write[] {
  const writes: Write[] = []
  const people = new Map<string, Map<string, Relation>>()
  for (const child of tree.getChildElements()) {
    const { node } = child.attrs
    if (node === undefined || node === '') continue
    if (child.name === 'configure')
      writes.push(nodesIn(storage).put(owner, node, { config: configIn(node, child) }))
    const relations = people.get(node) ?? new Map<string, Relation>()
    people.set(node, relations)
    for (const entry of child.getChildElements()) addTo(relations, owner, entry)
  }
  const store = new RelationStore(storage, (_, all) => storage.commit(all))
  for (const [node, relations] of people) writes.push(...store.writes(owner, node, relations))
  return writes
}

function addTo(relations: Map<string, Relation>, owner: JID, { name, attrs }: Element): void {
  if (attrs.jid === undefined || (name !== 'affiliation' && name !== 'subscription')) return
  const jid = JID.parse(attrs.jid)
  const who = jid.bare.toString()
  // An account owns its nodes by itself.
  if (jid.bare.equals(owner)) return
  const relation = relations.get(who) ?? { subscriptions: [] }
  const { affiliation, subscription: state } = attrs
  if (affiliation !== undefined && AFFILIATIONS.includes(affiliation))
    relations.set(who, { ...relation, affiliation: affiliation as Affiliation })
  if (state === 'subscribed' || state === 'pending')
    relations.set(who, {
      ...relation,
      subscriptions: [...relation.subscriptions, { jid: jid.toString(), state, deliver: true }],
    })
}

/** As it is said; what is said in a way that means nothing here makes it a node for nobody else. */
function configIn(node: string, configure: Element): NodeConfig {
  const form = configure.getChild('x', NS.forms)
  const preset = accountNode(node)
  if (form === undefined) return preset
  try {
    return { ...preset, ...changedBy(valuesIn(form), ACCOUNT_MODELS) }
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error
    return { ...preset, access: 'whitelist' }
  }
}

async function takeItems(storage: Storage, owner: JID, tree: Element): Promise<readonly Write[]> {
  const writes: Write[] = []
  for (const items of tree.getChildren('items')) {
    const { node } = items.attrs
    if (node === undefined || node === '') continue
    let seq = 0
    // A node may come in parts.
    for (const { item } of await rowsWith(itemsIn(storage), owner, keyOf(node, '')))
      seq = Math.max(seq, item.seq)
    for (const item of items.getChildren('item')) {
      const [payload] = item.getChildElements()
      const row = {
        seq: ++seq,
        publisher: owner.toString(),
        ...(payload && { payload: printAlone(copyOf(payload)) }),
      }
      if (item.attrs.id !== undefined)
        writes.push(itemsIn(storage).put(owner, keyOf(node, item.attrs.id), row))
    }
  }
  return writes
}
