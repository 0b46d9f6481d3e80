/** XEP-0297: Stanza Forwarding. */
import type { Element } from './element.ts'
import { NS } from './ns.ts'
import type { Stanza } from './stanza.ts'
import { printAlone } from './stored.ts'

/**
 * A stanza within `<name xmlns="ns"><forwarded/></name>`, as bytes for `Stanza.plus()`. Its own bytes are not printed again. `delay`: when it
 * came (XEP-0297 §3.1).
 */
export function forwarded(stanza: Stanza, name: string, ns: string, delay?: Element): Buffer {
  return Buffer.concat([
    Buffer.from(`<${name} xmlns="${ns}"><forwarded xmlns="${NS.forward}">`),
    Buffer.from(delay === undefined ? '' : printAlone(delay)),
    // XEP-0297 §3.2: the namespace of the stanza is kept.
    stanza.encodeIn(NS.client),
    Buffer.from(`</forwarded></${name}>`),
  ])
}
