/** What workers and the storage process, which knows who lives and who is home to whom, tell each other: JSON, in order with commits. */

/** What a worker tells. */
export type FromWorker =
  /** It takes frames at this address (links/), and slots. */
  | { readonly is: 'join'; readonly node: string; readonly address: string }
  /** What the next home needs to know of slots that it was to leave (base64). */
  | { readonly is: 'left'; readonly move: number; readonly state: string }
  /** It is home to slots that it was given. */
  | { readonly is: 'arrived'; readonly move: number }
  /** It takes no more slots, and waits for `drained`. */
  | { readonly is: 'drain' }

/** What a worker is told. */
export type ToWorker =
  /** All workers that live and have joined, with their addresses. */
  | { readonly is: 'nodes'; readonly nodes: readonly (readonly [node: string, address: string])[] }
  /** The home of these slots is this one now; null: they have none. */
  | { readonly is: 'homes'; readonly slots: readonly number[]; readonly node: string | null }
  | { readonly is: 'leave'; readonly move: number; readonly slots: readonly number[] }
  /** It becomes the home. `state` as the former home gave it; null: that died. */
  | {
      readonly is: 'arrive'
      readonly move: number
      readonly slots: readonly number[]
      readonly state: string | null
    }
  /** It has no slots any more, or nobody is left who could take them. */
  | { readonly is: 'drained' }

/** Reads what came over the socket: both ends are of one program. */
export function parseMessage<M extends FromWorker | ToWorker>(text: string): M {
  return JSON.parse(text) as M
}
