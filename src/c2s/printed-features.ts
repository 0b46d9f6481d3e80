import type { Element } from '../xml/element.ts'
import type { Wire } from './wire.ts'

/** More than the hosts, listeners and kinds of TLS of a server make: options have changed again and again. */
const MOST = 256

/** Stream features as they go over the wire. They are the same for nearly all clients, and printing them is a tenth of a sign-in. */
export class PrintedFeatures {
  readonly #printed = new Map<Wire, Map<string, Buffer>>()

  /** What `make` gives, printed for `wire`; made once for each key, which says all that it depends on. Nobody may change the bytes. */
  of(wire: Wire, key: string, make: () => Element): Buffer {
    const printed = this.#of(wire)
    const known = printed.get(key)
    if (known !== undefined) return known
    if (printed.size === MOST) printed.clear()
    const bytes = wire.element(make())
    printed.set(key, bytes)
    return bytes
  }

  #of(wire: Wire): Map<string, Buffer> {
    const known = this.#printed.get(wire)
    if (known !== undefined) return known
    const fresh = new Map<string, Buffer>()
    this.#printed.set(wire, fresh)
    return fresh
  }
}
