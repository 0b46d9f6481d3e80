/** XEP-0402 §5.1: bookmarks are the same for clients that keep each in an item, all in one item (XEP-0048) or all in private storage (XEP-0049). */
import { defineExtension, type Registrations } from '../../core/extension.ts'
import type { Write } from '../../storage/types.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import privateStorage from '../private-storage.ts'
import pubsub, { type PublishedEdit } from '../pubsub/index.ts'
import { changesBy, listOf, roomIn } from './conferences.ts'

/** Changes of bookmarks that the server makes for a user. In the owner's lane, at his home. */
export interface Bookmarks {
  /** Adds a bookmark of a room, with autojoin, unless there is one (`isNew` tells), in one commit with `also`. */
  add(
    owner: JID,
    bookmark: { readonly room: string; readonly name: string; readonly nick: string },
    also: (isNew: boolean) => readonly Write[],
  ): Promise<void>
  /** Takes one away, in one commit with `also`. */
  remove(owner: JID, room: string, also: readonly Write[]): Promise<void>
}

/** XEP-0048 §3: the only item of the node of the list. */
const CURRENT = 'current'

export default defineExtension({
  name: 'bookmarks',
  doc: 'Keeps the bookmarks of rooms in step that clients store in three ways',
  xeps: [
    { xep: 402, version: '1.2.0', status: 'complete' },
    {
      xep: 48,
      version: '1.2',
      status: 'complete',
      note: 'of rooms; those of web pages are kept as they are',
    },
  ],
  features: { account: [`${NS.bookmarks}#compat`, `${NS.bookmarks}#compat-pep`] },
  follows: [privateStorage, pubsub],
  setup(host): Registrations<Bookmarks> {
    const published = host.use(pubsub)
    const bookmarks = async (owner: JID) => (await published.items(owner, NS.bookmarks)) ?? []

    /** The list as an item. */
    const inOne = (list: Element): PublishedEdit => ({
      node: NS.storedBookmarks,
      make: {},
      put: { id: CURRENT, payload: printAlone(list) },
    })

    /** The list with these bookmarks. What it holds besides stays. */
    const listWith = async (
      owner: JID,
      all: readonly { readonly id: string; readonly payload?: string }[],
    ): Promise<PublishedEdit> => {
      const last = await published.last(owner, NS.storedBookmarks)
      const list = last?.payload === undefined ? undefined : parseElement(last.payload)
      const more = list?.getChildElements().filter(({ name }) => name !== 'conference')
      return inOne(listOf(all, more))
    }

    /** Items have changed: the list follows. */
    const follow = async (owner: JID): Promise<void> =>
      published.edit(owner, [await listWith(owner, await bookmarks(owner))], [])

    host.use(privateStorage).convert('storage', NS.storedBookmarks, {
      async shown(owner, stored) {
        const items = await bookmarks(owner)
        const known = new Set(items.map(({ id }) => id))
        // What was stored before this extension came, or imported, is there as well.
        const more = stored?.getChildElements().filter(child => {
          const room = child.name === 'conference' ? roomIn(child) : undefined
          return room === undefined || !known.has(room)
        })
        return listOf(items, more)
      },
      async stored(owner, list, write) {
        const { edits, rest } = changesBy(list, await bookmarks(owner))
        // One commit: the forms are never out of step.
        await published.edit(owner, [...edits, inOne(list)], [write(listOf([], rest))])
      },
    })
    published.listen(NS.bookmarks, { published: follow, removed: follow })
    published.listen(NS.storedBookmarks, {
      async published(owner, { payload }) {
        if (payload === undefined) return
        const { edits } = changesBy(parseElement(payload), await bookmarks(owner))
        await published.edit(owner, edits, [])
      },
      // Clients that have learnt of items throw their list away: that ends no bookmark. An empty list does.
      removed: () => undefined,
    })
    return {
      provides: {
        async add(owner, { room, name, nick }, also) {
          const all = await bookmarks(owner)
          if (all.some(({ id }) => id === room)) return published.edit(owner, [], also(false))
          const attributes = { xmlns: NS.bookmarks, name, autojoin: 'true' }
          const payload = printAlone(xml('conference', attributes, nick !== '' && xml('nick', {}, nick)))
          const item = { id: room, payload }
          const edit = { node: NS.bookmarks, make: {}, put: item }
          await published.edit(owner, [edit, await listWith(owner, [...all, item])], also(true))
        },
        async remove(owner, room, also) {
          const all = await bookmarks(owner)
          const rest = all.filter(({ id }) => id !== room)
          if (rest.length === all.length) return published.edit(owner, [], also)
          const edit = { node: NS.bookmarks, drop: [room] }
          await published.edit(owner, [edit, await listWith(owner, rest)], also)
        },
      },
    }
  },
})
