/** What answers about nodes stand in. */
import { type Child, type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'

/** XEP-0060 §5 to §7 */
export function inPubsub(...content: Child[]): Element {
  return xml('pubsub', { xmlns: NS.pubsub }, ...content)
}

/** XEP-0060 §8 */
export function ofOwner(...content: Child[]): Element {
  return xml('pubsub', { xmlns: NS.pubsubOwner }, ...content)
}
