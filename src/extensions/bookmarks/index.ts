/** XEP-0402 §5.1: bookmarks are the same for clients that keep each in an item, all in one item (XEP-0048) or all in private storage (XEP-0049). */
import { defineExtension } from '../../core/extension.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import privateStorage from '../private-storage.ts'
import pubsub, { type PublishedEdit } from '../pubsub/index.ts'
import { changesBy, listOf, roomIn } from './conferences.ts'

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
  setup(host) {
    const published = host.use(pubsub)
    const bookmarks = async (owner: JID) => (await published.items(owner, NS.bookmarks)) ?? []

    /** The list as an item. */
    const inOne = (list: Element): PublishedEdit => ({
      node: NS.storedBookmarks,
      make: {},
      put: { id: CURRENT, payload: printAlone(list) },
    })

    /** Items have changed: the list follows. What it holds besides stays. */
    const follow = async (owner: JID): Promise<void> => {
      const last = await published.last(owner, NS.storedBookmarks)
      const list = last?.payload === undefined ? undefined : parseElement(last.payload)
      const more = list?.getChildElements().filter(({ name }) => name !== 'conference')
      await published.edit(owner, [inOne(listOf(await bookmarks(owner), more))], [])
    }

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
    return {}
  },
})
