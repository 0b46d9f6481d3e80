/** What the loss test counts. */

/** How messages have fared. */
export interface Losses {
  /** The sender has an acknowledgement, and the recipient has no message. */
  readonly missing: number
  /** Messages that a user would see twice: those that came again, with nothing to tell that by. */
  readonly visible: number
  /** Messages that came again over the wire. */
  readonly raw: number
  /** Messages that came after one that was sent later. */
  readonly order: number
}

export const NONE: Losses = { missing: 0, visible: 0, raw: 0, order: 0 }

/** `sent` in the order of sending, `received` in that of coming; `shown`: what the client shows of that, if it can tell duplicates. */
export function count(
  sent: readonly string[],
  acknowledged: ReadonlySet<string>,
  received: readonly string[],
  shown = received,
): Losses {
  const had = new Set(shown)
  const first = [...had]
  const place = new Map(sent.map((id, i) => [id, i]))
  let order = 0
  let latest = -1
  for (const id of first) {
    const at = place.get(id) ?? Number.NaN
    if (at < latest) order++
    latest = Math.max(latest, at)
  }
  return {
    missing: [...acknowledged].filter(id => !had.has(id)).length,
    visible: shown.length - first.length,
    raw: received.length - new Set(received).size,
    order,
  }
}

/** In words, for whoever runs the test. */
export function describe({ missing, visible, raw, order }: Losses): string {
  return `acked but missing ${missing}, visible duplicates ${visible}, raw duplicates ${raw}, order breaks ${order}`
}
