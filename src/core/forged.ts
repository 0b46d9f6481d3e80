import type { Element } from '../xml/element.ts'
import type { Stanza } from '../xml/stanza.ts'

/** ARCHITECTURE §6: a stanza without those of its children that pretend to be of this server. The same one where there are none. */
export function withoutForged(stanza: Stanza, forged: (child: Element) => boolean): Stanza {
  if (!stanza.children().some(forged)) return stanza
  return stanza.edit(copy => {
    for (const child of copy.getChildElements().filter(forged)) copy.remove(child)
  })
}
