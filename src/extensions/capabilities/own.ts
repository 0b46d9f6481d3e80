/** XEP-0115 §6.3: what the server itself can do, so that clients need not ask each time they connect. */
import type { Host } from '../../core/host.ts'
import { software } from '../../core/software.ts'
import { type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import type { Disco } from '../disco.ts'
import { verificationString } from './verification.ts'

/** XEP-0115 §8.1: the hash function that everybody has. */
const HASH = 'sha-1'

/**
 * Announces the server's disco#info by its hash, and answers for it. Presence of its own, the other place for this, the server has none:
 * what accounts send carries the capabilities of their clients.
 */
export class OwnCapabilities {
  readonly #disco: Disco
  readonly #host: Host
  #made: { readonly revision: number; readonly version: string | undefined } | undefined

  constructor(disco: Disco, host: Host) {
    this.#disco = disco
    this.#host = host
    // XEP-0115 §6.2
    disco.addNodes('server', {
      info: (_, node) => (node === `${software.uri}#${this.#version()}` ? disco.info('server') : undefined),
      // XEP-0115 §6.2: no node with items.
      items: () => undefined,
    })
  }

  /** The stream feature. */
  announcement(): Element {
    return xml('c', { xmlns: NS.capabilities, hash: HASH, node: software.uri, ver: this.#version() })
  }

  /** Made anew when options have changed, and the answers perhaps with them: it costs a fifth of a sign-in. */
  #version(): string | undefined {
    const { revision } = this.#host
    if (this.#made?.revision !== revision) {
      const query = xml('query', { xmlns: NS.discoInfo }, [...this.#disco.info('server')])
      this.#made = { revision, version: verificationString(query, HASH) }
    }
    return this.#made.version
  }
}
