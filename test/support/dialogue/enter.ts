/** Entering rooms: XEP-0045 §7.2, XEP-0045 §10.1.2. */
import { NS } from '../../../src/xml/ns.ts'
import { printEvent, type XmlEvent } from './xml.ts'

/** What somebody sends who enters a room, and then if the room is new: it is taken as it is. */
export function entering(address: string, presence: string): readonly string[] {
  const [room] = address.split('/', 1)
  return [
    `<presence to="${address}">${presence}</presence>`,
    `<iq type="set" to="${room}" id="as-it-is"><query xmlns="${NS.roomOwner}"><x xmlns="${NS.forms}" type="submit"/></query></iq>`,
  ]
}

/** XEP-0045 §7.2.3: whether a room says to somebody that he is there. */
export function hasEntered(event: XmlEvent): boolean {
  return hasStatus(event, 110) && event.kind === 'element' && !event.element.attributes.has('type')
}

/** XEP-0045 §10.1.1: whether he has made it by that. */
export function isOfOwnMaking(event: XmlEvent): boolean {
  return hasStatus(event, 201)
}

function hasStatus(event: XmlEvent, code: number): boolean {
  return new RegExp(`<status code=["']${code}["']/>`).test(printEvent(event))
}

/** Whether it comes from a room, or somebody there. */
export function isOfRoom(event: XmlEvent, address: string): boolean {
  if (event.kind !== 'element') return false
  return event.element.attributes.get('from')?.split('/', 1)[0] === address.split('/', 1)[0]
}
