/** What an account publishes, for other extensions that look at it or change it. */
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { NodeConfig } from './config.ts'
import type { Inspection, NodeListener } from './listeners.ts'
import { makeNode } from './make.ts'
import type { Item, Node } from './node.ts'
import type { NodeEdit, NodeStore } from './nodes.ts'
import type { NodeParts } from './parts.ts'
import { roomOf } from './publish.ts'

/** A change of a node, by its name. */
export interface PublishedEdit {
  readonly node: string
  /** An item in place of the one of this name. */
  readonly put?: { readonly id: string; readonly payload: string }
  /** Items that go. */
  readonly drop?: readonly string[]
  /** The node goes, with all that it holds. */
  readonly gone?: boolean
  /** Where there is no such node it is made, so. */
  readonly make?: Partial<NodeConfig>
}

/** To be called in the owner's lane only, at the owner's home; or where no server runs: then nobody is told. */
export class PublishedNodes {
  readonly #store: NodeStore
  readonly #parts: NodeParts | undefined

  constructor(store: NodeStore, parts?: NodeParts) {
    this.#store = store
    this.#parts = parts
  }

  /** Hears of what clients do with a node. At set-up. */
  listen(node: string, listener: NodeListener): void {
    this.#parts?.heard?.add(node, listener)
  }

  /** Has what clients publish looked at before it is stored. At set-up. */
  inspect(inspection: Inspection): void {
    this.#parts?.heard?.inspect(inspection)
  }

  /** What a node holds, oldest first; undefined where there is no such node. */
  async items(owner: JID, name: string): Promise<readonly Item[] | undefined> {
    const node = await this.#node(owner, name)
    return node && this.#store.items(owner, node)
  }

  /** What a node holds last. With `who`: as far as he may see it. */
  async last(owner: JID, name: string, who?: JID): Promise<Item | undefined> {
    const node = await this.#node(owner, name, who)
    return node && this.#store.last(owner, node)
  }

  /** One item of a node. With `who`: as far as he may see it. */
  async item(owner: JID, name: string, id: string, who?: JID): Promise<Item | undefined> {
    const node = await this.#node(owner, name, who)
    return node && this.#store.item(owner, node, id)
  }

  async #node(owner: JID, name: string, who?: JID): Promise<Node | undefined> {
    const node = (await this.#store.of(owner)).get(name)
    if (node === undefined || who === undefined || this.#parts === undefined) return node
    return (await this.#parts.access.allows(owner, node, who)) ? node : undefined
  }

  /**
   * Changes nodes in one commit with `also`, and tells those who want to know. Nodes that are not there, and are not to be made, are left
   * aside. Rejects with a StanzaError where there is no room.
   */
  async edit(owner: JID, edits: readonly PublishedEdit[], also: readonly Write[]): Promise<void> {
    const nodes = await this.#store.of(owner)
    const found: NodeEdit[] = []
    const writes = [...also]
    const parts = this.#parts
    for (const { node: name, put, make, ...edit } of edits) {
      let node = nodes.get(name)
      if (node === undefined && make !== undefined && parts !== undefined) {
        const made = await makeNode(parts, { owner, nodes, name, wanted: make, who: owner })
        writes.push(...made.writes)
        node = made.node
      }
      if (node === undefined) continue
      const item = put && {
        ...put,
        publisher: owner.toString(),
        ...(parts && { at: parts.host.clock.now() }),
      }
      const room = parts && roomOf(node, parts.limits)
      found.push({ ...edit, node, ...(item && { put: item }), ...(room && { room }) })
    }
    await this.#store.edit(owner, nodes, found, writes)
    if (parts === undefined) return
    const { notifications } = parts
    for (const { node, put, drop = [], gone = false } of found) {
      if (gone) await notifications.deleted(owner, node)
      else if (drop.length > 0 && node.config.notifyRetract) await notifications.retracted(owner, node, drop)
      if (put !== undefined) await notifications.published(owner, node, put)
    }
  }
}
