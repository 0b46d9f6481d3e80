import { MalformedError } from './fields.ts'

/** When so many frames that were taken lie before the others, they are cut off. */
const MOST_TAKEN = 1024

/** Frames for one node, in order and numbered from 1 on, until that has taken them. */
export class FrameQueue {
  /** Their sizes together. */
  bytes = 0
  /** The number of the last frame that was taken. */
  taken = 0
  #frames: Buffer[] = []
  /** Where the first frame is that was not taken, and the first that was not handed out. */
  #first = 0
  #next = 0

  /** How many there are. */
  get size(): number {
    return this.#frames.length - this.#first
  }

  /** Adds one; gives its number. */
  push(frame: Buffer): number {
    this.#frames.push(frame)
    this.bytes += frame.length
    return this.taken + this.size
  }

  /** Bytes of the next frames together, at least one and else no more than `most`; undefined where there are none. */
  hand(most: number): Buffer | undefined {
    const from = this.#next
    let bytes = 0
    while (this.#next < this.#frames.length && (bytes === 0 || bytes < most))
      bytes += this.#frames[this.#next++]!.length
    if (this.#next === from) return undefined
    if (this.#next === from + 1) return this.#frames[from]
    return Buffer.concat(this.#frames.slice(from, this.#next), bytes)
  }

  /** The other side has taken all up to this number. Throws a MalformedError if it was not sent so many. */
  acknowledge(number: number): void {
    const count = number - this.taken
    if (count < 0 || count > this.size) throw new MalformedError('no such frame was sent')
    for (let left = count; left > 0; left--) this.bytes -= this.#frames[this.#first++]!.length
    this.taken = number
    this.#next = Math.max(this.#next, this.#first)
    if (this.#first <= MOST_TAKEN && this.size > 0) return
    this.#frames.splice(0, this.#first)
    this.#next -= this.#first
    this.#first = 0
  }

  /** All that was not taken is handed out once more. */
  rewind(): void {
    this.#next = this.#first
  }

  clear(): void {
    this.taken += this.size
    this.#frames = []
    this.#first = this.#next = this.bytes = 0
  }
}
