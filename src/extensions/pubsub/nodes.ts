/** The nodes of accounts and what they hold: rows of the storage, and what of them is in memory. */
import { LRUCache } from 'lru-cache'
import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { rowsOf, rowsWith } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { DEFAULTS, type NodeConfig } from './config.ts'
import {
  type Held,
  type Item,
  type ItemRow,
  itemsIn,
  keyOf,
  type Node,
  type NodeRow,
  type Nodes,
  nodesIn,
  type Room,
} from './node.ts'
import { type Changes, RelationStore } from './relations.ts'
import { requireRoom, surplus } from './room.ts'

/** Owners whose nodes are in memory, and how many nodes and items of all of them, about. */
const OWNERS = 4_096
const HELD = 500_000
/** A last item with a larger payload is read each time, in characters. */
const SMALL = 4_096

/** How a node changes together with others. */
export interface NodeEdit {
  readonly node: Node
  /** An item in place of the one of this name, the newest of all. */
  readonly put?: Omit<Item, 'seq'>
  /** How much it may hold then: the oldest items that are too many go. Default: as much as there is. */
  readonly room?: Room
  /** Items that go. */
  readonly drop?: readonly string[]
  /** It goes with all that it holds. */
  readonly gone?: boolean
}

interface Prepared {
  readonly edit: NodeEdit
  readonly writes: readonly Write[]
  readonly dropped: readonly string[]
  readonly last: Item | undefined
}

/** Reads and writes nodes. It is to be called in the owner's lane only, at the owner's home. */
export class NodeStore {
  readonly #host: Pick<Host, 'storage' | 'log'>
  readonly #nodes: Table<NodeRow>
  readonly #items: Table<ItemRow>
  readonly relations: RelationStore
  readonly #owners = new LRUCache<string, Nodes>({
    max: OWNERS,
    maxSize: HELD,
    sizeCalculation: sizeOf,
  })

  constructor(host: Pick<Host, 'storage' | 'log'>) {
    this.#host = host
    this.#nodes = nodesIn(host.storage)
    this.#items = itemsIn(host.storage)
    this.relations = new RelationStore(host.storage, (owner, writes) => this.#commit(owner, writes))
  }

  /** The nodes of an owner. */
  async of(owner: JID): Promise<Nodes> {
    const key = owner.toString()
    const known = this.#owners.get(key)
    if (known !== undefined) return known
    const nodes: Nodes = new Map()
    for (const { key: name, item } of await rowsOf(this.#nodes, owner))
      nodes.set(name, {
        name,
        config: { ...DEFAULTS, ...item.config },
        ids: undefined,
        last: undefined,
        relations: undefined,
        told: undefined,
      })
    this.#owners.set(key, nodes)
    return nodes
  }

  /** The items of a node, oldest first, with their payloads. */
  async items(owner: JID, node: Node): Promise<readonly Item[]> {
    const prefix = keyOf(node.name, '')
    const rows = await rowsWith(this.#items, owner, prefix)
    const items = rows.map(({ key, item }): Item => ({ ...item, id: key.slice(prefix.length) }))
    items.sort((one, other) => one.seq - other.seq)
    node.ids = new Map(
      items.map(({ id, seq, payload = '' }) => [id, { seq, size: Buffer.byteLength(payload) }]),
    )
    this.#keepLast(node, items.at(-1))
    return items
  }

  /** One item of a node. */
  async item(owner: JID, node: Node, id: string): Promise<Item | undefined> {
    const row = await this.#items.get(owner, keyOf(node.name, id))
    return row && { ...row, id }
  }

  /** The item that was published last. */
  async last(owner: JID, node: Node): Promise<Item | undefined> {
    if (node.last !== undefined) return node.last ?? undefined
    const id = [...(await this.ids(owner, node)).keys()].at(-1)
    if (node.last !== undefined) return node.last ?? undefined
    const found = id === undefined ? undefined : await this.item(owner, node, id)
    this.#keepLast(node, found)
    return found
  }

  /** The names of the items of a node, oldest first. */
  async ids(owner: JID, node: Node): Promise<ReadonlyMap<string, Held>> {
    if (node.ids === undefined) await this.items(owner, node)
    return node.ids!
  }

  /** Makes a node with those who have to do with it from the first; `writes`: what is to be stored for it. */
  create(
    owner: JID,
    name: string,
    config: NodeConfig,
    related: Changes,
  ): { readonly node: Node; readonly writes: readonly Write[] } {
    const writes = [this.#nodes.put(owner, name, { config }), ...this.relations.writes(owner, name, related)]
    const relations = new Map([...related].flatMap(([who, relation]) => (relation ? [[who, relation]] : [])))
    return { node: { name, config, ids: new Map(), last: null, relations, told: undefined }, writes }
  }

  /** Changes how a node is; of its items the oldest go that it does not keep any more. */
  async configure(owner: JID, node: Node, config: NodeConfig, most: number): Promise<void> {
    const ids = await this.ids(owner, node)
    const dropped = config.persist ? surplus(ids, most) : [...ids.keys()]
    await this.#commit(owner, [
      this.#nodes.put(owner, node.name, { config }),
      ...this.#deletes(owner, node, dropped),
    ])
    node.config = config
    forgetItems(node, dropped)
  }

  /** Stores a node that is new. */
  async add(owner: JID, nodes: Nodes, node: Node, writes: readonly Write[]): Promise<void> {
    await this.#commit(owner, writes)
    nodes.set(node.name, node)
  }

  /** Changes nodes, among them such as are new, in one commit with whatever else belongs to it. */
  async edit(
    owner: JID,
    nodes: Nodes,
    edits: readonly NodeEdit[],
    also: readonly Write[] = [],
  ): Promise<void> {
    const all: Prepared[] = []
    // Several may concern one node.
    const held = new Map<Node, Map<string, Held>>()
    for (const edit of edits) {
      const ids = held.get(edit.node) ?? new Map(await this.ids(owner, edit.node))
      held.set(edit.node, ids)
      all.push(await this.#prepared(owner, edit, ids))
    }
    await this.#commit(owner, [...also, ...all.flatMap(({ writes }) => writes)])
    for (const { edit, last, dropped } of all) {
      const { node, gone = false } = edit
      if (gone) nodes.delete(node.name)
      else nodes.set(node.name, node)
      node.ids = held.get(node)
      forgetItems(node, dropped)
      if (last !== undefined) this.#keepLast(node, last)
    }
    // How much it is has changed.
    this.#owners.set(owner.toString(), nodes)
  }

  /** What a change comes to: what is to be stored. `ids` becomes what the node holds then. */
  async #prepared(owner: JID, edit: NodeEdit, ids: Map<string, Held>): Promise<Prepared> {
    const { node, put, drop = [], gone = false, room } = edit
    if (gone) {
      const writes = [
        this.#nodes.delete(owner, node.name),
        ...this.#deletes(owner, node, [...ids.keys()]),
        ...(await this.relations.erased(owner, node)),
      ]
      return { edit, writes, dropped: [...ids.keys()], last: undefined }
    }
    const item = put && { ...put, seq: ([...ids.values()].at(-1)?.seq ?? 0) + 1 }
    if (item !== undefined) {
      ids.delete(item.id)
      ids.set(item.id, { seq: item.seq, size: Buffer.byteLength(item.payload ?? '') })
    }
    const dropped = [...drop, ...(room === undefined ? [] : surplus(ids, room.items))]
    if (room !== undefined) requireRoom(ids, dropped, room.size)
    for (const id of dropped) ids.delete(id)
    const writes = this.#deletes(owner, node, dropped)
    if (item !== undefined) {
      const { id, ...row } = item
      writes.push(this.#items.put(owner, keyOf(node.name, id), row))
    }
    return { edit, writes, dropped, last: item }
  }

  /** What is in memory of an owner is not looked at any more. */
  forget(owner: JID): void {
    this.#owners.delete(owner.toString())
  }

  /** The same of all whose text fits. */
  drop(which: (owner: string) => boolean): void {
    for (const owner of [...this.#owners.keys()]) if (which(owner)) this.#owners.delete(owner)
  }

  #deletes(owner: JID, { name }: Node, ids: readonly string[]): Write[] {
    return ids.length === 0 ? [] : [this.#items.delete(owner, ...ids.map(id => keyOf(name, id)))]
  }

  async #commit(owner: JID, writes: readonly Write[]): Promise<void> {
    try {
      await commit(this.#host.storage, writes, this.#host.log)
    } catch (error) {
      // Nobody knows how much of it is stored.
      this.forget(owner)
      throw error
    }
  }

  #keepLast(node: Node, item: Item | undefined): void {
    node.last = item === undefined ? null : (item.payload?.length ?? 0) > SMALL ? undefined : item
  }
}

/** Entries in memory, about. */
function sizeOf(nodes: Nodes): number {
  let size = 1
  for (const { ids, relations } of nodes.values()) size += 1 + (ids?.size ?? 0) + (relations?.size ?? 0)
  return size
}

function forgetItems(node: Node, ids: readonly string[]): void {
  for (const id of ids) node.ids?.delete(id)
  if (node.last != null && ids.includes(node.last.id)) node.last = undefined
}
