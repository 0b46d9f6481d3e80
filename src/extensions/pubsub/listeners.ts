/** What other extensions do when accounts publish something. */
import { eachInOrder, type Maybe } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import type { Item, Node } from './node.ts'

/** Hears of a node of any account, in its owner's lane, once it is stored. Requests of clients are heard of, not what extensions do. */
export interface NodeListener {
  published(owner: JID, item: Omit<Item, 'seq'>): Maybe<void>
  /** Items are not there any more. */
  removed(owner: JID, ids: readonly string[]): Maybe<void>
}

/** Looks at an item before it is published. Throws a StanzaError to refuse it. */
export type Inspection = (owner: JID, node: string, item: Pick<Item, 'id' | 'payload'>) => Maybe<void>

/** Listeners by names of nodes, and inspections of all nodes. */
export class Listeners {
  readonly #all = new Map<string, NodeListener>()
  readonly #inspections: Inspection[] = []

  add(node: string, listener: NodeListener): void {
    if (this.#all.has(node)) throw new Error(`two extensions listen to ${node}`)
    this.#all.set(node, listener)
  }

  published(owner: JID, { name }: Node, item: Omit<Item, 'seq'>): Maybe<void> {
    return this.#all.get(name)?.published(owner, item)
  }

  removed(owner: JID, { name }: Node, ids: readonly string[]): Maybe<void> {
    return this.#all.get(name)?.removed(owner, ids)
  }

  inspect(inspection: Inspection): void {
    this.#inspections.push(inspection)
  }

  /** Throws or rejects with the StanzaError of whoever refuses an item. */
  inspected(owner: JID, node: string, item: Pick<Item, 'id' | 'payload'>): Maybe<void> {
    return eachInOrder(this.#inspections, inspection => inspection(owner, node, item))
  }
}
