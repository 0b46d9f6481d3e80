/** Which messages are sent again, told in the simplest way: ARCHITECTURE §7. Times in ms. */

const AFTER = 10 * 60_000

/** A stream as the model knows it. */
export interface ModelStream {
  state: 'open' | 'broken' | 'closed'
  /** What it has carried; `undefined` for what another one has carried since. */
  readonly copies: (string | undefined)[]
  /** Streams that were there before, and how much of each counts. */
  readonly earlier: readonly { readonly stream: ModelStream; readonly count: number }[]
  until: number
}

/** One account. */
export class ResendsModel {
  /** Sessions, by resource, in the order they were bound. */
  readonly living = new Map<string, ModelStream>()
  #ended: ModelStream[] = []
  #lastLife: ModelStream | undefined

  /** A session begins, perhaps in the place of another one. */
  bind(resource: string, now: number): void {
    if (this.living.has(resource)) this.end(resource, now)
    const broken = [...this.#ended, ...(this.#lastLife ? [this.#lastLife] : [])]
    const earlier = [...this.living.values(), ...broken].map(stream => ({
      stream,
      count: stream.copies.length,
    }))
    this.living.set(resource, { state: 'open', copies: [], earlier, until: Number.POSITIVE_INFINITY })
  }

  /** Whether a message that a session sends is new. */
  send(resource: string, message: string, now: number): boolean {
    const { earlier, copies } = this.living.get(resource)!
    copies.push(message)
    for (const { stream, count } of earlier) {
      if (stream.state !== 'broken' || stream.until <= now) continue
      const place = stream.copies.indexOf(message)
      if (place < 0 || place >= count) continue
      stream.copies[place] = undefined
      return false
    }
    return true
  }

  /** A session is over. */
  end(resource: string, now: number): void {
    const stream = this.living.get(resource)!
    this.living.delete(resource)
    if (stream.state === 'closed') return
    stream.state = 'broken'
    stream.until = now + AFTER
    this.#ended.push(stream)
  }

  /** The server is killed and starts again; `resume`: how long a session waits. */
  restart(now: number, resume: number): void {
    const all = [...(this.#lastLife ? [this.#lastLife] : []), ...this.#ended, ...this.living.values()]
    const copies = all.flatMap(({ copies }) => copies)
    this.#lastLife = { state: 'broken', copies, earlier: [], until: now + resume + AFTER }
    this.#ended = []
    this.living.clear()
  }
}
