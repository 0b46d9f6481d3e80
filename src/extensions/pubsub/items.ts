/** XEP-0060 §6.5: what a node holds is asked for. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { type PageRequest, pageReport, readPageRequest } from '../../xml/rsm.ts'
import { parseElement } from '../../xml/stored.ts'
import { inPubsub } from './answers.ts'
import type { Item, Node } from './node.ts'
import type { NodeParts } from './parts.ts'
import { existing, nodeName } from './requests.ts'

/** Most items of one answer; whoever wants more asks for the next page. */
const MOST = 250
/** Most characters of payloads in one answer, unless it is one item. */
const MOST_TEXT = 192 * 1024

/** Answers with items: some by name, the newest ones, or page by page. */
export async function items({ store, access }: NodeParts, iq: IqContext, action: Element): Promise<Element> {
  const { owner, payload, stanza } = iq
  const page = readPageRequest(payload)
  if (page === undefined) throw new StanzaError('bad-request', { text: 'this is no page' })
  const node = existing(await store.of(owner), nodeName(action))
  await access.require(owner, node, stanza.from)
  const wanted = action.getChildren('item').map(({ attrs }) => attrs.id ?? '')
  if (wanted.length > 0) {
    const found = await Promise.all(wanted.slice(0, MOST).map(id => store.item(owner, node, id)))
    return answer(
      node,
      found.filter(item => item !== undefined),
    )
  }
  const all = await store.items(owner, node)
  const most = mostIn(action)
  // XEP-0060 §6.5.7: the newest ones.
  return paged(node, most === undefined ? all : all.slice(Math.max(0, all.length - most)), page)
}

function mostIn({ attrs: { max_items: text } }: Element): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new StanzaError('bad-request', { text: 'max_items is a positive number' })
  return Number(text)
}

/** XEP-0059 §2: a part of the items, and which one it is. */
function paged(node: Node, all: readonly Item[], { max = MOST, after, before, index }: PageRequest): Element {
  const [start, end] = [
    placeAfter(all, after),
    before === undefined || before === '' ? all.length : placeOf(all, before),
  ]
  const backwards = before !== undefined
  const within = all.slice(index ?? start, end)
  const count = Math.min(max, MOST)
  const part = fitting(
    backwards ? within.slice(Math.max(0, within.length - count)) : within.slice(0, count),
    backwards,
  )
  const ends = part.length === 0 ? {} : { ends: [part[0]!.id, part.at(-1)!.id] as const }
  const whole = part.length === all.length
  return answer(node, part, whole ? undefined : pageReport({ ...ends, count: all.length }))
}

/** As many as one answer may hold. */
function fitting(part: readonly Item[], backwards: boolean): readonly Item[] {
  const ordered = backwards ? part.toReversed() : part
  let room = MOST_TEXT
  const count = ordered.findIndex(({ payload = '' }, n) => {
    room -= payload.length
    return room < 0 && n > 0
  })
  if (count < 0) return part
  return backwards ? part.slice(part.length - count) : part.slice(0, count)
}

function placeAfter(all: readonly Item[], after: string | undefined): number {
  return after === undefined ? 0 : placeOf(all, after) + 1
}

/** XEP-0059 §2.2: an item that is not there is no place to go on from. */
function placeOf(all: readonly Item[], id: string): number {
  const place = all.findIndex(item => item.id === id)
  if (place < 0) throw new StanzaError('item-not-found')
  return place
}

function answer(node: Node, found: readonly Item[], page?: Element): Element {
  const shown = found.map(({ id, payload }) =>
    xml('item', { id }, payload !== undefined && parseElement(payload)),
  )
  return inPubsub(xml('items', { node: node.name }, shown), page)
}
