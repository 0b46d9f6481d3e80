/** XEP-0227 §4.4, §4.9: the roster, and requests that wait for an answer. */
import { pagesOf } from '../../core/pages.ts'
import type { Portable } from '../../core/portable.ts'
import type { Element } from '../../xml/element.ts'
import { xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { printAlone } from '../../xml/stored.ts'
import { itemOf } from './item.ts'
import { type ContactRow, RosterRows } from './rows.ts'
import { INBOUND, OUTBOUND, type State, type Subscription } from './states.ts'

const SUBSCRIPTIONS: readonly string[] = ['none', 'to', 'from', 'both']

/** Names, groups and subscriptions; of a request all that was sent with it. */
export const portable: Portable = {
  elements: [
    ['query', NS.roster],
    ['presence', NS.client],
    // Prosody (0.12) leaves the namespace of requests away.
    ['presence', NS.portable],
  ],
  async *write({ storage, clock }, owner) {
    const rows = new RosterRows(storage, clock)
    const items = await rows.items(owner)
    const query = xml(
      'query',
      { xmlns: NS.roster },
      items.map(({ contact, row }) => itemOf(contact, row)),
    )
    yield printAlone(query)
    for await (const { items } of pagesOf(storage.table<Partial<ContactRow>>('roster', 'lww'), owner))
      for (const { item } of items) if (item.request !== undefined) yield item.request
  },
  async take({ storage, clock }, owner, element) {
    const rows = new RosterRows(storage, clock)
    const roster = await rows.load(owner)
    const known = async (contact: JID): Promise<ContactRow> =>
      (await rows.get(owner, contact)) ?? { state: 'none', listed: false, approved: false, version: 0 }
    if (element.name === 'presence') {
      if (element.attribute('type') !== 'subscribe') throw new TypeError('no request for a subscription')
      const contact = JID.parse(element.attribute('from') ?? '').bare
      const row = await known(contact)
      const { next: state } = INBOUND.subscribe[row.state]
      const request = Stanza.fromElement(element, contact, owner).pack().toString()
      return [...rows.change(roster, contact, { ...row, state, request }, false), rows.putVersion(roster)]
    }
    const writes = []
    for (const item of element.tree().getChildren('item', NS.roster)) {
      const contact = JID.parse(String(item.attrs.jid)).bare
      if (contact.equals(owner) || !SUBSCRIPTIONS.includes(String(item.attrs.subscription ?? 'none')))
        continue
      const { request } = await known(contact)
      const row = { ...rowOf(item, request !== undefined), ...(request !== undefined && { request }) }
      writes.push(...rows.change(roster, contact, row, true))
    }
    return [...writes, rows.putVersion(roster)]
  },
}

/** The item as it is stored; `asked`: a request has come before it. */
function rowOf(item: Element, asked: boolean): ContactRow {
  const { name, subscription, ask, approved } = item.attrs as Record<string, string | undefined>
  let state: State = (subscription ?? 'none') as Subscription
  if (ask === 'subscribe') state = OUTBOUND.subscribe[state].next
  if (asked) state = INBOUND.subscribe[state].next
  const groups = [...new Set(item.getChildren('group', NS.roster).map(group => group.getText()))]
  const named = groups.filter(group => group !== '')
  return {
    ...(name !== undefined && name !== '' && { name }),
    ...(named.length > 0 && { groups: named }),
    ...{ state, listed: true, approved: approved === 'true', version: 0 },
  }
}
