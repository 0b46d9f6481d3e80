/** Who has to do with nodes: affiliations (XEP-0060 §4.1) and subscriptions (§4.2). */
import { rowsWith } from '../../core/pages.ts'
import type { Storage, Table, Write } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import { keyOf, type Node, type Relation, type Relations, type Subscription } from './node.ts'

/** What is to become of relations: undefined for none. */
export type Changes = ReadonlyMap<string, Relation | undefined>

const NONE: Relation = { subscriptions: [] }

/** Reads and writes relations; like the store of nodes in the owner's lane only, at the owner's home. */
export class RelationStore {
  readonly #relations: Table<Relation>
  /** The same by user: which nodes he has to do with. */
  readonly #nodes: Table<true>
  readonly #commit: (owner: JID, writes: readonly Write[]) => Promise<void>

  /** `commit` stores what `change()` is told. */
  constructor(storage: Storage, commit: (owner: JID, writes: readonly Write[]) => Promise<void>) {
    this.#relations = relationsIn(storage)
    this.#nodes = storage.table<true>('pubsub-relations-of', 'lww')
    this.#commit = commit
  }

  /** Everybody who has to do with a node. */
  async of(owner: JID, node: Node): Promise<Relations> {
    if (node.relations !== undefined) return node.relations
    const prefix = keyOf(node.name, '')
    const rows = await rowsWith(this.#relations, owner, prefix)
    node.relations ??= new Map(rows.map(({ key, item }) => [key.slice(prefix.length), item]))
    return node.relations
  }

  /** The addresses that are subscribed and want to be told. */
  async told(owner: JID, node: Node): Promise<readonly JID[]> {
    node.told ??= [...(await this.of(owner, node)).values()].flatMap(({ subscriptions }) =>
      subscriptions.filter(isTold).map(({ jid }) => JID.parse(jid)),
    )
    return node.told
  }

  /** What somebody has to do with a node. */
  async between(owner: JID, node: Node, who: JID): Promise<Relation> {
    return (await this.of(owner, node)).get(who.bare.toString()) ?? NONE
  }

  /** The names of the nodes that somebody has to do with. */
  async nodesOf(owner: JID, who: JID): Promise<readonly string[]> {
    const prefix = keyOf(who.bare.toString(), '')
    const rows = await rowsWith(this.#nodes, owner, prefix)
    return rows.map(({ key }) => key.slice(prefix.length))
  }

  /** Stores what has become of relations. */
  async change(owner: JID, node: Node, changes: Changes): Promise<void> {
    if (changes.size === 0) return
    const relations = await this.of(owner, node)
    await this.#commit(owner, this.writes(owner, node.name, changes))
    node.told = undefined
    for (const [who, relation] of changes)
      if (relation === undefined || isNothing(relation)) relations.delete(who)
      else relations.set(who, relation)
  }

  /** What is to be stored for that. */
  writes(owner: JID, node: string, changes: Changes): Write[] {
    return [...changes].flatMap(([who, relation]) =>
      relation === undefined || isNothing(relation)
        ? [this.#relations.delete(owner, keyOf(node, who)), this.#nodes.delete(owner, keyOf(who, node))]
        : [
            this.#relations.put(owner, keyOf(node, who), relation),
            this.#nodes.put(owner, keyOf(who, node), true),
          ],
    )
  }

  /** What is to be stored when a node goes. */
  async erased(owner: JID, node: Node): Promise<Write[]> {
    const all = [...(await this.of(owner, node)).keys()]
    if (all.length === 0) return []
    return [
      this.#relations.delete(owner, ...all.map(who => keyOf(node.name, who))),
      this.#nodes.delete(owner, ...all.map(who => keyOf(who, node.name))),
    ]
  }
}

/** Whether such an address is subscribed and wants to be told. */
function isTold({ state, deliver }: Subscription): boolean {
  return state === 'subscribed' && deliver
}

function isNothing({ affiliation, subscriptions }: Relation): boolean {
  return affiliation === undefined && subscriptions.length === 0
}

/** The rows. */
export function relationsIn(storage: Storage): Table<Relation> {
  return storage.table<Relation>('pubsub-relations', 'lww')
}
