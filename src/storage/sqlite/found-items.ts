import { MAX_PAGE_BYTES } from '../checks.ts'
import type { ArchiveView } from './archive-view.ts'
import type { FoundEntry } from './owner-segment.ts'
import type { PackedHistory, PackedItem } from './reader-message.ts'

/** Archived items on their way into an answer, with their payloads. */
export class FoundItems {
  readonly #view: ArchiveView
  readonly #limit: number
  readonly #items: PackedItem[] = []
  readonly #payloads: Uint8Array[] = []
  #bytes = 0
  #more = false

  constructor(view: ArchiveView, limit: number) {
    this.#view = view
    this.#limit = limit
  }

  /** How many items are still of interest: one more than fit, to know whether there are more. */
  get wanted(): number {
    return this.#limit - this.#items.length + 1
  }

  /** Adds items until the page is full; whether there was room for all. */
  addAll(entries: Iterable<FoundEntry>): boolean {
    for (const { id, peer, resource, sequence, unread, payload } of entries) {
      if (this.#items.length >= this.#limit || this.#bytes >= MAX_PAGE_BYTES) {
        this.#more = true
        return false
      }
      const bare = this.#view.text(peer)
      const text = resource === '' ? bare : `${bare}/${resource}`
      this.#items.push({ id, peer: text, sequence, unread, length: payload.byteLength })
      this.#payloads.push(payload)
      this.#bytes += payload.byteLength
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
