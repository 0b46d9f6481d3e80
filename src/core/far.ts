import { Lane } from './lane.ts'
import type { Sending } from './link/errands.ts'
import { Moved } from './link/frames.ts'
import type { Maybe } from './maybe.ts'
import type { Session } from './session.ts'

/** What is done for a stanza at its sender's home when the other half is stored. */
export interface FarSteps {
  /** Starts the commit of the sender's half, where there is one. */
  readonly begin: (() => Maybe<void>) | undefined
  /** The other home, or the way there, has refused the stanza, or the commit could not be started. Throws what its sender is told. */
  readonly refused: (error: unknown) => never
  /** Both halves are stored. */
  readonly finish: () => Maybe<void>
}

/** A commit that has begun. */
interface Begun {
  readonly committed: Maybe<void>
}

const NOTHING_TO_COMMIT: Begun = { committed: undefined }

/** A stanza for somebody whose home is another node, where its half is under way. */
export class Far {
  readonly #sending: Sending
  readonly #steps: FarSteps
  #last: (() => void) | undefined

  constructor(sending: Sending, steps: FarSteps) {
    this.#sending = sending
    this.#steps = steps
  }

  /** The same with something to be done at its end. */
  followedBy(last: () => void): this {
    this.#last = last
    return this
  }

  /**
   * Settles in the turn of its sender, but if it has to wait for a home: then what comes after it and goes to others does not wait. (A home
   * that moves waits for what is under way to it: two must not wait for each other by this.)
   */
  settle(session: Session, refuse: (error: unknown) => Maybe<void>): Promise<void> {
    const committing = this.#commit(session)
    // Looked at in its turn, which may be later.
    committing.catch(noop)
    session.aside ??= new Set()
    const { aside } = session
    const settled = new Promise<void>((resolve, reject) => {
      void session.settling.run(
        () =>
          new Promise<void>(free => {
            this.#sending.whenStuck(free)
            this.#finish(committing, refuse).then(
              () => {
                aside.delete(settled)
                resolve()
                free()
              },
              (error: unknown) => {
                aside.delete(settled)
                reject(error)
                free()
              },
            )
          }),
      )
    })
    aside.add(settled)
    // What goes to the next home of its sender is nothing that this one waits for.
    return settled.catch(refuse)
  }

  /** Starts the commit of the sender's half in the turn of its sender, when the other half is stored; the next one's starts before this one is done. */
  #commit(session: Session): Promise<Begun> {
    const { begin } = this.#steps
    if (begin === undefined) return this.#sending.answer.then(nothingToCommit)
    session.committing ??= new Lane()
    const { committing } = session
    return new Promise(resolve => {
      void committing.run(
        () =>
          new Promise<void>(free => {
            this.#sending.whenStuck(free)
            const begun = this.#sending.answer.then(() => ({ committed: begin() }))
            resolve(begun)
            begun.then(() => free(), free)
          }),
      )
    })
  }

  /** Rejects with `Moved` only. */
  async #finish(committing: Promise<Begun>, refuse: (error: unknown) => Maybe<void>): Promise<void> {
    const { refused, finish } = this.#steps
    try {
      const { committed } = await committing.catch(refused)
      if (committed !== undefined) await committed
      const finished = finish()
      if (finished !== undefined) await finished
      this.#last?.()
    } catch (error) {
      if (error instanceof Moved) throw error
      await refuse(error)
    }
  }
}

function nothingToCommit(): Begun {
  return NOTHING_TO_COMMIT
}

function noop(): void {}
