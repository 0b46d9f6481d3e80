/** XEP-0227 §4.5: kept messages. */
import { pagesOf } from '../../core/pages.ts'
import type { Portable } from '../../core/portable.ts'
import type { Table } from '../../storage/types.ts'
import { delay, parseDateTime } from '../../xml/delay.ts'
import type { Element } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { printElement } from '../../xml/print.ts'
import { Stanza } from '../../xml/stanza.ts'
import { digits, type Kept } from './queue.ts'

/** How long one that was imported is kept, ms: the configuration of a host that may not run is not asked. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000

/** Messages with the time when they came, which is where their place in the queue comes from. */
export const portable: Portable = {
  within: 'offline-messages',
  elements: [['message', NS.client]],
  async *write({ storage }, owner) {
    const table = storage.table<Kept>('offline', 'lww')
    for await (const { items } of pagesOf(table, owner))
      for (const { item } of items) {
        const stanza = Stanza.unpack(Buffer.from(item.stanza))
        const note = printElement(delay(JID.of('', owner.domain), item.at, 'Offline Storage'), NS.client)
        yield stanza.plus(Buffer.from(note)).pack().toString()
      }
  },
  async take(place, owner, element) {
    const from = JID.parse(element.attribute('from') ?? '')
    const to = element.attribute('to')
    const whole = Stanza.fromElement(element, from, to === undefined ? owner : JID.parse(to))
    const note = whole.children().findLast(child => isOurs(child, owner))
    const at = (note && parseDateTime(String(note.attrs.stamp))) ?? place.clock.now()
    const table: Table<Kept> = place.storage.table<Kept>('offline', 'lww')
    const key = await nextKey(owner, table, at)
    const stanza = note === undefined ? whole : whole.edit(copy => dropNote(copy, owner))
    return [table.put(owner, key, { at, stanza: stanza.pack().toString() }, KEPT_MS)]
  },
}

/** The note of the server that kept it; others are part of the message. */
function isOurs(child: Element, owner: JID): boolean {
  return child.is('delay', NS.delay) && child.attrs.from === owner.domain
}

function dropNote(message: Element, owner: JID): void {
  const note = message.getChildElements().findLast(child => isOurs(child, owner))
  if (note !== undefined) message.remove(note)
}

/** They are in order, oldest first (XEP-0227 §4.5): each gets a place after the one before, whatever its time says. */
async function nextKey(owner: JID, table: Table<Kept>, at: number): Promise<string> {
  const [last] = (await table.page(owner, { reverse: true }, 1)).items
  const [time = 0, number = 0] = (last?.key ?? '').split(/[-!]/, 2).map(Number)
  const own = at > time ? [at, 0] : [time, number + 1]
  return `${digits(own[0]!, 15)}-${digits(own[1]!, 9)}-import`
}
