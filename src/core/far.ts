import { Lane } from './lane.ts'
import type { Sending } from './link/errands.ts'
import { Moved } from './link/frames.ts'
import { type Maybe, then } from './maybe.ts'
import type { Session } from './session.ts'

/** A commit that has begun. */
interface Begun {
  readonly committed: Maybe<void>
}

/** A stanza for somebody whose home is another node, where its half is under way. */
export class Far {
  readonly #sending: Sending
  readonly #begin: (() => Maybe<void>) | undefined
  readonly #finish: (begun: Promise<Begun>) => Maybe<void>

  /** `begin`: starts the commit of the sender's half, where there is one; `finish` goes on when that has been started, or rejects as the sending does. */
  constructor(
    sending: Sending,
    begin: (() => Maybe<void>) | undefined,
    finish: (begun: Promise<Begun>) => Maybe<void>,
  ) {
    this.#sending = sending
    this.#begin = begin
    this.#finish = finish
  }

  /** The same with something to be done at its end. */
  followedBy(last: () => void): Far {
    return new Far(this.#sending, this.#begin, begun => then(this.#finish(begun), last))
  }

  /**
   * Settles in the turn of its sender, but if it has to wait for a home: then what comes after it and goes to others does not wait. (A home
   * that moves waits for what is under way to it: two must not wait for each other by this.)
   */
  settle(session: Session, refuse: (error: unknown) => Maybe<void>): Promise<void> {
    const begun = Promise.withResolvers<void>()
    session.aside ??= new Set()
    const { aside } = session
    aside.add(begun.promise)
    const committing = this.#commit(session)
    // Looked at in its turn, which may be later.
    committing.catch(noop)
    void session.settling.run(() => {
      const finished = this.#finished(committing, refuse).finally(() => aside.delete(begun.promise))
      begun.resolve(finished)
      return Promise.race([finished.catch(() => {}), this.#sending.stuck])
    })
    // What goes to the next home of its sender is nothing that this one waits for.
    return begun.promise.catch(refuse)
  }

  /** Starts the commit of the sender's half in the turn of its sender, when the other half is stored; the next one's starts before this one is done. */
  #commit(session: Session): Promise<Begun> {
    const { answer, stuck } = this.#sending
    const begin = this.#begin
    if (begin === undefined) return answer.then(() => ({ committed: undefined }))
    const { promise, resolve } = Promise.withResolvers<Begun>()
    session.committing ??= new Lane()
    void session.committing.run(() => {
      const begun = answer.then(() => ({ committed: begin() }))
      resolve(begun)
      return Promise.race([begun.then(noop, noop), stuck])
    })
    return promise
  }

  /** Rejects with `Moved` only. */
  async #finished(committing: Promise<Begun>, refuse: (error: unknown) => Maybe<void>): Promise<void> {
    try {
      await this.#finish(committing)
    } catch (error) {
      if (error instanceof Moved) throw error
      await refuse(error)
    }
  }
}

function noop(): void {}
