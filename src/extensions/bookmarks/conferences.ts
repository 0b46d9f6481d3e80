/** XEP-0402 §5.1: bookmarks of rooms, each an item of its own, and all of them in one list (XEP-0048). */
import { copyOf, type Element, xml } from '../../xml/element.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import type { PublishedEdit } from '../pubsub/index.ts'

/** A bookmark that is an item: XEP-0402 §2. */
interface Bookmark {
  /** The address of the room. */
  readonly id: string
  readonly payload?: string
}

/** The list of all bookmarks. `more`: what else is in it. */
export function listOf(bookmarks: readonly Bookmark[], more: readonly Element[] = []): Element {
  const all = bookmarks.flatMap(({ id, payload }) => {
    const conference = payload === undefined ? undefined : parseElement(payload)
    return conference === undefined ? [] : [inList(id, conference)]
  })
  return xml('storage', { xmlns: NS.storedBookmarks }, all, more.map(copyOf))
}

/** What a list says: which items it changes, and what of it is no bookmark of a room. */
export function changesBy(
  list: Element,
  bookmarks: readonly Bookmark[],
): { readonly edits: readonly PublishedEdit[]; readonly rest: readonly Element[] } {
  const before = new Map(bookmarks.map(({ id, payload }) => [id, payload]))
  const edits: PublishedEdit[] = []
  const rest: Element[] = []
  const kept = new Set<string>()
  for (const child of list.getChildElements()) {
    const room = child.name === 'conference' ? roomIn(child) : undefined
    if (room === undefined) {
      rest.push(child)
      continue
    }
    // A room that is there twice is one bookmark.
    if (kept.has(room)) continue
    kept.add(room)
    const payload = before.get(room)
    const old = payload === undefined ? undefined : parseElement(payload)
    // XEP-0402 §5.1.2: nobody is told of bookmarks that have not changed.
    if (old !== undefined && isSame(child, old)) continue
    edits.push({
      node: NS.bookmarks,
      make: {},
      put: { id: room, payload: printAlone(inNode(child, old)) },
    })
  }
  const gone = [...before.keys()].filter(id => !kept.has(id))
  if (gone.length > 0) edits.push({ node: NS.bookmarks, drop: gone })
  return { edits, rest }
}

/** The address of the room of a bookmark in a list. */
export function roomIn({ attrs: { jid } }: Element): string | undefined {
  try {
    const room = JID.parse(jid ?? '').bare.toString()
    return Buffer.byteLength(room) < 512 ? room : undefined
  } catch (error) {
    if (error instanceof JIDError) return undefined
    throw error
  }
}

function inList(jid: string, conference: Element): Element {
  const { name, autojoin, nick, password } = contents(conference)
  return xml(
    'conference',
    { jid, name, autojoin: autojoin ? 'true' : undefined },
    nick !== undefined && xml('nick', {}, nick),
    password !== undefined && xml('password', {}, password),
  )
}

/** XEP-0402 §2: what others have added (`<extensions/>`) is not lost because the list cannot hold it. */
function inNode(conference: Element, before: Element | undefined): Element {
  const { name, autojoin, nick, password } = contents(conference)
  const extensions = before?.getChild('extensions')
  return xml(
    'conference',
    { xmlns: NS.bookmarks, name, autojoin: autojoin ? 'true' : undefined },
    nick !== undefined && xml('nick', {}, nick),
    password !== undefined && xml('password', {}, password),
    extensions && copyOf(extensions),
  )
}

interface Contents {
  readonly name: string | undefined
  readonly autojoin: boolean
  readonly nick: string | undefined
  readonly password: string | undefined
}

function contents(conference: Element): Contents {
  const { name, autojoin } = conference.attrs
  return {
    name,
    autojoin: autojoin === 'true' || autojoin === '1',
    nick: conference.getChild('nick')?.getText(),
    password: conference.getChild('password')?.getText(),
  }
}

function isSame(one: Element, other: Element): boolean {
  return JSON.stringify(contents(one)) === JSON.stringify(contents(other))
}
