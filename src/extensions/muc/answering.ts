import type { IqAnswer } from '../../core/extension.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Room } from './room.ts'

/**
 * Answers a request with nothing, and only then has the others hear of it: what is told waits for the promise that `work` gets, and `work` gives
 * what settles when it is told. XEP-0045 §8.2: "After informing the moderator, the service MUST then inform all of the remaining occupants".
 */
export async function answering(
  work: (answered: Promise<void>) => Maybe<() => Maybe<void>>,
): Promise<IqAnswer> {
  const answered = Promise.withResolvers<void>()
  try {
    const settle = await work(answered.promise)
    const after = (): Maybe<void> => {
      answered.resolve()
      return settle()
    }
    return { payload: undefined, after }
  } catch (error) {
    // What is to be told already does not hold up what comes behind it.
    answered.resolve()
    throw error
  }
}

/** Tells all of this, in its turn, once whoever asked is answered; gives what settles when it is told. In the lane of the room. */
export function tellLater(
  room: Room,
  answered: Promise<void> | undefined,
  tellings: readonly (() => void)[],
): () => Maybe<void> {
  const told = room.tell(() =>
    then(answered, () => {
      for (const telling of tellings) telling()
    }),
  )
  return () => told
}
