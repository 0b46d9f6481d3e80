/** The nodes of accounts and what they hold: rows of the storage, and what of them is in memory. */
import { LRUCache } from 'lru-cache'
import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { NodeConfig } from './config.ts'
import { pubsubError } from './errors.ts'

/** A row of a node; its key is the node's name. */
interface NodeRow {
  readonly config: NodeConfig
}

/** A row of an item; its key is the names of its node and itself. */
interface ItemRow {
  /** Items are in the order of these. */
  readonly seq: number
  /** Whoever published it: a full JID. */
  readonly publisher: string
  /** The payload as XML that stands alone; undefined for none. */
  readonly payload?: string
}

/** An item that a node holds. */
export interface Item extends ItemRow {
  readonly id: string
}

/** What is in memory of an item. */
export interface Held {
  readonly seq: number
  /** Bytes of the payload. */
  readonly size: number
}

/** How much a node may hold. */
export interface Room {
  readonly items: number
  /** Bytes of all payloads together. */
  readonly size: number
}

/** A node, in memory. */
export interface Node {
  readonly name: string
  config: NodeConfig
  /** Its items in their order, without the payloads; undefined until somebody needs them. */
  ids: Map<string, Held> | undefined
  /** The item that was published last, if it is small; undefined where it was not looked for, null where there is none. */
  last: Item | null | undefined
}

/** All nodes of an owner, by name. */
export type Nodes = Map<string, Node>

/** Owners whose nodes are in memory, and how many nodes and items of all of them, about. */
const OWNERS = 4_096
const HELD = 500_000
/** A last item with a larger payload is read each time, in characters. */
const SMALL = 4_096
/** Between the names of a node and an item: no name of a node has it. */
const BETWEEN = '\n'

/** How a node changes together with others. */
export interface NodeEdit {
  readonly node: Node
  /** An item in place of the one of this name. */
  readonly put?: Omit<Item, 'seq'>
  /** Items that go. */
  readonly drop?: readonly string[]
  /** It goes with all that it holds. */
  readonly gone?: boolean
}

/** Reads and writes nodes. It is to be called in the owner's lane only, at the owner's home. */
export class NodeStore {
  readonly #host: Pick<Host, 'storage' | 'log'>
  readonly #nodes: Table<NodeRow>
  readonly #items: Table<ItemRow>
  readonly #owners = new LRUCache<string, Nodes>({
    max: OWNERS,
    maxSize: HELD,
    sizeCalculation: sizeOf,
  })

  constructor(host: Pick<Host, 'storage' | 'log'>) {
    this.#host = host
    this.#nodes = host.storage.table<NodeRow>('pubsub-nodes', 'lww')
    this.#items = host.storage.table<ItemRow>('pubsub-items', 'lww')
  }

  /** The nodes of an owner. */
  async of(owner: JID): Promise<Nodes> {
    const key = owner.toString()
    const known = this.#owners.get(key)
    if (known !== undefined) return known
    const nodes: Nodes = new Map()
    for (const { key: name, item } of await rowsOf(this.#nodes, owner))
      nodes.set(name, { name, config: item.config, ids: undefined, last: undefined })
    this.#owners.set(key, nodes)
    return nodes
  }

  /** The items of a node, oldest first, with their payloads. */
  async items(owner: JID, node: Node): Promise<readonly Item[]> {
    const prefix = `${node.name}${BETWEEN}`
    const items: Item[] = []
    for (let after: string | undefined; ; ) {
      const page = await this.#items.page(owner, after === undefined ? { prefix } : { prefix, after })
      for (const { key, item } of page.items) items.push({ ...item, id: key.slice(prefix.length) })
      after = page.items.at(-1)?.key
      if (!page.more || after === undefined) break
    }
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

  /** Makes a node, or changes how it is; `write` has what else is stored with it. */
  create(owner: JID, name: string, config: NodeConfig): { readonly node: Node; readonly write: Write } {
    const write = this.#nodes.put(owner, name, { config })
    return { node: { name, config, ids: new Map(), last: null }, write }
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

  /** Stores an item in place of one of the same name, and a node with it that is new; the oldest that are too many go. */
  async publish(
    owner: JID,
    nodes: Nodes,
    node: Node,
    item: Omit<Item, 'seq'>,
    room: Room,
    also: readonly Write[],
  ): Promise<void> {
    const ids = new Map(await this.ids(owner, node))
    const seq = ([...ids.values()].at(-1)?.seq ?? 0) + 1
    ids.delete(item.id)
    ids.set(item.id, { seq, size: Buffer.byteLength(item.payload ?? '') })
    const dropped = surplus(ids, room.items)
    requireRoom(ids, dropped, room.size)
    const { id, ...rest } = item
    const row: ItemRow = { ...rest, seq }
    await this.#commit(owner, [
      ...also,
      this.#items.put(owner, keyOf(node.name, id), row),
      ...this.#deletes(owner, node, dropped),
    ])
    nodes.set(node.name, node)
    node.ids = ids
    forgetItems(node, dropped)
    // How much it is has changed.
    this.#owners.set(owner.toString(), nodes)
    this.#keepLast(node, { ...row, id })
  }

  /** Stores a node that is new. */
  async add(owner: JID, nodes: Nodes, node: Node, write: Write): Promise<void> {
    await this.#commit(owner, [write])
    nodes.set(node.name, node)
  }

  /** Takes items out of a node. */
  async remove(owner: JID, node: Node, ids: readonly string[]): Promise<void> {
    await this.#commit(owner, this.#deletes(owner, node, ids))
    forgetItems(node, ids)
  }

  /** Takes a node away with all that it holds. */
  async delete(owner: JID, nodes: Nodes, node: Node): Promise<void> {
    const ids = await this.ids(owner, node)
    await this.#commit(owner, [
      this.#nodes.delete(owner, node.name),
      ...this.#deletes(owner, node, [...ids.keys()]),
    ])
    nodes.delete(node.name)
  }

  /** Changes nodes that are there, in one commit with whatever else belongs to it. */
  async edit(owner: JID, nodes: Nodes, edits: readonly NodeEdit[], also: readonly Write[]): Promise<void> {
    const writes = [...also]
    for (const { node, put, drop = [], gone = false } of edits) {
      const ids = await this.ids(owner, node)
      if (put !== undefined) {
        const { id, ...rest } = put
        const seq = ([...ids.values()].at(-1)?.seq ?? 0) + 1
        writes.push(this.#items.put(owner, keyOf(node.name, id), { ...rest, seq }))
      }
      writes.push(...this.#deletes(owner, node, gone ? [...ids.keys()] : drop))
      if (gone) writes.push(this.#nodes.delete(owner, node.name))
    }
    await this.#commit(owner, writes)
    for (const { node, gone } of edits) {
      node.ids = undefined
      node.last = undefined
      if (gone) nodes.delete(node.name)
    }
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
    return ids.map(id => this.#items.delete(owner, keyOf(name, id)))
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

/** The oldest ones that are too many. */
function surplus(ids: ReadonlyMap<string, Held>, most: number): string[] {
  return [...ids.keys()].slice(0, Math.max(0, ids.size - most))
}

/** A node is read as a whole, so it has an end. */
function requireRoom(ids: ReadonlyMap<string, Held>, dropped: readonly string[], most: number): void {
  let size = 0
  for (const [id, held] of ids) if (!dropped.includes(id)) size += held.size
  // XEP-0060 §7.1.3.4
  if (size > most) throw pubsubError('conflict', 'node-full', { text: `a node holds at most ${most} bytes` })
}

/** Entries in memory, about. */
function sizeOf(nodes: Nodes): number {
  let size = 1
  for (const { ids } of nodes.values()) size += 1 + (ids?.size ?? 0)
  return size
}

function forgetItems(node: Node, ids: readonly string[]): void {
  for (const id of ids) node.ids?.delete(id)
  if (node.last != null && ids.includes(node.last.id)) node.last = undefined
}

function keyOf(node: string, id: string): string {
  return `${node}${BETWEEN}${id}`
}
