/** What an account publishes, for other extensions that look at it or change it. */
import { eachInOrder, type Maybe } from '../../core/maybe.ts'
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Item } from './node.ts'
import type { NodeStore } from './nodes.ts'
import type { Notifications } from './notifications.ts'

/** Looks at an item before it is published. Throws a StanzaError to refuse it. */
export type Inspection = (owner: JID, node: string, item: Pick<Item, 'id' | 'payload'>) => Maybe<void>

/** A change of a node, by its name. */
export interface PublishedEdit {
  readonly node: string
  /** An item in place of the one of this name. */
  readonly put?: { readonly id: string; readonly payload: string }
  /** Items that go. */
  readonly drop?: readonly string[]
  /** The node goes, with all that it holds. */
  readonly gone?: boolean
}

/** To be called in the owner's lane only, at the owner's home; or where no server runs: then nobody is told. */
export class PublishedNodes {
  readonly #store: NodeStore
  readonly #notifications: Notifications | undefined
  readonly #inspections: Inspection[] = []

  constructor(store: NodeStore, notifications?: Notifications) {
    this.#store = store
    this.#notifications = notifications
  }

  /** Has what is published looked at from now on; to be called at set-up. */
  inspect(inspection: Inspection): void {
    this.#inspections.push(inspection)
  }

  /** Throws or rejects with the StanzaError of whoever refuses an item. */
  inspected(owner: JID, node: string, item: Pick<Item, 'id' | 'payload'>): Maybe<void> {
    return eachInOrder(this.#inspections, inspection => inspection(owner, node, item))
  }

  /** What a node holds, oldest first; undefined where there is no such node. */
  async items(owner: JID, name: string): Promise<readonly Item[] | undefined> {
    const node = (await this.#store.of(owner)).get(name)
    return node && this.#store.items(owner, node)
  }

  /** Changes nodes in one commit with `also`, and tells those who want to know. Nodes that are not there are left aside. */
  async edit(owner: JID, edits: readonly PublishedEdit[], also: readonly Write[]): Promise<void> {
    const nodes = await this.#store.of(owner)
    const publisher = owner.toString()
    const found = edits.flatMap(({ node: name, put, ...edit }) => {
      const node = nodes.get(name)
      return node === undefined ? [] : [{ ...edit, node, ...(put && { put: { ...put, publisher } }) }]
    })
    await this.#store.edit(owner, nodes, found, also)
    const told = this.#notifications
    if (told === undefined) return
    for (const { node, put, drop = [], gone = false } of found) {
      if (gone) await told.deleted(owner, node)
      else if (drop.length > 0 && node.config.notifyRetract) await told.retracted(owner, node, drop)
      if (put !== undefined) await told.published(owner, node, put)
    }
  }
}
