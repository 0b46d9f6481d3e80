import { containsAny, MAX_PAGE_BYTES } from '../checks.ts'
import type { ArchiveView } from './archive-view.ts'
import type { FoundEntry } from './owner-segment.ts'
import type { PackedHistory, PackedItem } from './reader-message.ts'

/** Archived items on their way into an answer, with their payloads. */
export class FoundItems {
  readonly #view: ArchiveView
  readonly #limit: number
  readonly #containing: readonly Uint8Array[] | undefined
  readonly #items: PackedItem[] = []
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
    return this.#containing !== undefined ? -1 : this.#limit - this.#items.length + 1
  }

  /** Adds items until the page is full; whether there was room for all. */
  addAll(entries: Iterable<FoundEntry>): boolean {
    for (const { id, peer, resource, sequence, unread, payload } of entries) {
      if (!containsAny(payload, this.#containing)) continue
      if (this.#items.length >= this.#limit || this.#bytes >= MAX_PAGE_BYTES) {
        this.#more = true
        return false
      }
      const bare = this.#view.text(peer)
      const text = resource === '' ? bare : `${bare}/${resource}`
      this.#items.push({ id, peer: text, sequence, unread, length: payload.byteLength })
      this.#payloads.push(payload)
      this.#bytes += payload.byteLength
      // The next one that matches may be far away.
      if (this.#containing !== undefined && this.#items.length === this.#limit) {
        this.#more = true
        return false
      }
    }
    return true
  }

  /** The answer: all payloads in one buffer, which costs less to hand over than many. */
  packed(total: number | undefined): PackedHistory {
    const bytes = new Uint8Array(this.#bytes)
    let at = 0
    for (const payload of this.#payloads) {
      bytes.set(payload, at)
      at += payload.byteLength
    }
    return { items: this.#items, more: this.#more, total, bytes }
  }
}
