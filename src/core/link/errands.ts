/** What homes are asked to do, on its way to them (core/link/channels.ts). */
import type { Answer, Frame } from '../../cluster/types.ts'

/** What a home is asked to do. */
export interface Errand {
  /** Whose home, a bare JID's text. */
  readonly owner: string
  readonly frame: Frame
  /** It may be done a second time, where the first home has died and nobody knows whether it was done. */
  readonly repeatable: boolean
  /** Of the connection with this number it is the frame with that number: these keep their order. */
  readonly port?: number
  readonly number?: number
  /** It waits no more, and rejects with `Moved`, once the session that it comes from has left. */
  readonly sender?: { readonly left: unknown } | undefined
  /** It is nobody's who waits for it, and comes from this owner (a bare JID's text): where that goes it goes, too. */
  readonly from?: string
}

/** An errand on its way. */
export interface Sending {
  /** Rejects with the StanzaError that the home met with, or with what keeps it from being asked. */
  readonly answer: Promise<Answer>
  /** Has a task run when it has to wait for a home while another one leaves this node, which must not wait for it. */
  whenStuck(task: () => void): void
}

/** An errand as it is carried. */
export class Underway implements Sending {
  readonly errand: Errand
  readonly place: number
  /** A home that it had been sent to has died: perhaps before what it stored was delivered. */
  again = false
  /** Since when it waits for a home, `performance.now()`; undefined as long as it has not. */
  held: number | undefined
  #outcome: Outcome | undefined
  /** Made when somebody asks: not all do. */
  #answer: PromiseWithResolvers<Answer> | undefined
  #stuck = false
  #whenStuck: (() => void)[] | undefined
  #landing: PromiseWithResolvers<void> | undefined

  /** `place`: in the order in which errands were given. */
  constructor(errand: Errand, place: number) {
    this.errand = errand
    this.place = place
  }

  get answer(): Promise<Answer> {
    if (this.#answer === undefined) {
      this.#answer = Promise.withResolvers()
      if (this.#outcome !== undefined) settle(this.#answer, this.#outcome)
    }
    return this.#answer.promise
  }

  whenStuck(task: () => void): void {
    if (this.#stuck) task()
    else if (this.#whenStuck === undefined) this.#whenStuck = [task]
    else this.#whenStuck.push(task)
  }

  /** Resolves when its frame is answered, or comes back. */
  get landed(): Promise<void> {
    this.#landing ??= Promise.withResolvers()
    return this.#landing.promise
  }

  /** Its frame is answered, or has come back. */
  land(): void {
    this.#landing?.resolve()
    this.#landing = undefined
  }

  done(answer: Answer): void {
    this.#end({ answer })
  }

  fail(error: unknown): void {
    this.#end({ error })
  }

  getStuck(): void {
    this.#stuck = true
    for (const task of this.#whenStuck ?? []) task()
    this.#whenStuck = undefined
  }

  /** The first outcome counts. */
  #end(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    if (this.#answer !== undefined) settle(this.#answer, outcome)
  }
}

type Outcome = { readonly answer: Answer } | { readonly error: unknown }

function settle({ resolve, reject }: PromiseWithResolvers<Answer>, outcome: Outcome): void {
  if ('answer' in outcome) resolve(outcome.answer)
  else reject(outcome.error)
}

/** In the order in which they were given. */
export function inOrder(one: Underway, other: Underway): number {
  return one.place - other.place
}

/** Whether one is to be sent before another one that waits: the frames of one connection go by their numbers. */
export function isBefore(one: Underway, other: Underway): boolean {
  const { port, number = 0 } = one.errand
  if (port !== undefined && port === other.errand.port) return number < (other.errand.number ?? 0)
  return one.place < other.place
}
