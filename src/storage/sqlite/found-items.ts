import { containsAny, MAX_PAGE_BYTES } from '../checks.ts'
import type { ArchiveView } from './archive-view.ts'
import type { FoundEntry } from './owner-segment.ts'
import type { PackedHistory } from './reader-message.ts'

/** Archived items on their way into an answer, with their payloads. */
export class FoundItems {
  readonly #view: ArchiveView
  readonly #limit: number
  readonly #containing: readonly Uint8Array[] | undefined
  readonly #numbers: number[] = []
  readonly #peers: string[] = []
  /** The places of addresses among the peers; of those with a resource, by their text. */
  readonly #places = new Map<number | string, number>()
  readonly #payloads: Uint8Array[] = []
  #bytes = 0
  #more = false

  /** `containing` as in an ArchiveQuery. */
  constructor(view: ArchiveView, limit: number, containing: readonly Uint8Array[] | undefined) {
    this.#view = view
    this.#limit = limit
    this.#containing = containing
  }

  /** How many items are still of interest: one more than fit, to know whether there are more; -1 where each has to be looked into. */
  get wanted(): number {
    return this.#containing !== undefined ? -1 : this.#limit - this.#payloads.length + 1
  }

  /** Adds items until the page is full; whether there was room for all. */
  addAll(entries: Iterable<FoundEntry>): boolean {
    for (const [id, peer, resource, sequence, unread, payload] of entries) {
      if (!containsAny(payload, this.#containing)) continue
      if (this.#payloads.length >= this.#limit || this.#bytes >= MAX_PAGE_BYTES) {
        this.#more = true
        return false
      }
      this.#numbers.push(id, sequence, unread, payload.byteLength, this.#place(peer, resource))
      this.#payloads.push(payload)
      this.#bytes += payload.byteLength
      // The next one that matches may be far away.
      if (this.#containing !== undefined && this.#payloads.length === this.#limit) {
        this.#more = true
        return false
      }
    }
    return true
  }

  #place(peer: number, resource: string): number {
    const key = resource === '' ? peer : `${peer}/${resource}`
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const bare = this.#view.text(peer)
    this.#places.set(key, this.#peers.length)
    return this.#peers.push(resource === '' ? bare : `${bare}/${resource}`) - 1
  }

  /** The answer: all payloads in one buffer, which costs less to hand over than many. */
  packed(total: number | undefined): PackedHistory {
    const bytes = new Uint8Array(this.#bytes)
    let at = 0
    for (const payload of this.#payloads) {
      bytes.set(payload, at)
      at += payload.byteLength
    }
    return { numbers: this.#numbers, peers: this.#peers, more: this.#more, total, bytes }
  }
}
