/** XEP-0297: Stanza Forwarding. */
import { NS } from './ns.ts'
import type { Stanza } from './stanza.ts'

/** A stanza within `<name xmlns="ns"><forwarded/></name>`, as bytes for `Stanza.plus()`. Its own bytes are not printed again. */
export function forwarded(stanza: Stanza, name: string, ns: string): Buffer {
  return Buffer.concat([
    Buffer.from(`<${name} xmlns="${ns}"><forwarded xmlns="${NS.forward}">`),
    // XEP-0297 §3.2: the namespace of the stanza is kept.
    stanza.encodeIn(NS.client),
    Buffer.from(`</forwarded></${name}>`),
  ])
}
