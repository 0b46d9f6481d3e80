import type { Append } from '../../storage/types.ts'

/** No commit takes this long, in ms. One that failed leaves a message under way, which is of no account after this time. */
const UNDERWAY_MS = 60_000

/** A progress as JSON, numbers as text. */
export interface PackedProgress {
  readonly delivered: string
  readonly upToDate: boolean
  readonly taken: string
  readonly stored: string
  readonly unasked: number
}

interface Underway {
  readonly append: Append
  /** Monotonic ms. */
  readonly since: number
}

/** How far an account has come with its archive. All bigints are numbers of archived messages. */
export class Progress {
  /** What has come up to here has reached one of its clients; unknown as long as none was here ... */
  delivered: bigint | undefined
  /** ... and nothing that came later has not, save what is on its way. */
  upToDate = false
  /** A client has said, or its connection has taken, that it has everything up to here. */
  taken = 0n
  /** What the storage knows of that. */
  stored = 0n
  /** Messages delivered since `taken` was asked for. */
  unasked = 0
  /** Messages that are recorded and not delivered yet, in the order of their commits. */
  #underway: Underway[] = []

  /** A message is recorded; `since`: now, monotonic ms. */
  expect(append: Append, since: number): void {
    this.#underway.push({ append, since })
  }

  /** It is known what became of a message. */
  settle(number: bigint): void {
    const place = this.#underway.findIndex(({ append }) => append.committed && append.id === number)
    if (place >= 0) this.#underway.splice(place, 1)
  }

  /** Whether the number of something on its way is not known yet. */
  get unnumbered(): boolean {
    return this.#underway.some(({ append }) => !append.committed)
  }

  /** A client has what came up to here. */
  reach(upTo: bigint): void {
    if (this.delivered === undefined || this.delivered < upTo) this.delivered = upTo
  }

  /** A message has reached nobody. Others that were committed later may have been delivered before. */
  miss(number: bigint): void {
    this.upToDate = false
    if (this.delivered !== undefined && number <= this.delivered) this.delivered = number - 1n
  }

  /** Nobody can say what a session has got: all that no client is known to have counts as not delivered. */
  doubt(): void {
    let known = this.taken
    if (known < this.stored) known = this.stored
    if (this.delivered === undefined || this.delivered <= known) return
    this.delivered = known
    this.upToDate = false
  }

  /** Up to where everything is delivered: what was committed first may be delivered last. `now`: monotonic ms. */
  whole(now: number): bigint | undefined {
    const oldest = now - UNDERWAY_MS
    this.#underway = this.#underway.filter(({ append, since }) => since >= oldest && !isVoid(append))
    let whole = this.delivered
    // Those whose commit is under way come after all that is delivered.
    for (const { append } of this.#underway)
      if (whole !== undefined && append.committed && append.id <= whole) whole = append.id - 1n
    return whole
  }

  /** For the next home; undefined where nothing is known. `now`: monotonic ms. */
  pack(now: number): PackedProgress | undefined {
    const delivered = this.whole(now)
    if (delivered === undefined) return undefined
    const { upToDate, taken, stored, unasked } = this
    return { delivered: `${delivered}`, upToDate, taken: `${taken}`, stored: `${stored}`, unasked }
  }

  /** The same, from the former home. */
  static unpack({ delivered, upToDate, taken, stored, unasked }: PackedProgress): Progress {
    const progress = new Progress()
    progress.delivered = BigInt(delivered)
    progress.upToDate = upToDate
    progress.taken = BigInt(taken)
    progress.stored = BigInt(stored)
    progress.unasked = unasked
    return progress
  }
}

/** Whether nothing was stored, since it was there already. */
function isVoid(append: Append): boolean {
  return append.committed && append.repeated
}
