/**
 * A value now, or a promise of it. Used only inside lanes, so that a stanza that needs no waiting
 * is finished in the tick that read it and never overtakes one that waits.
 */
export type Maybe<T> = T | Promise<T>

/** True for a promise (or any other thenable). */
export function isPromise<T>(value: Maybe<T>): value is Promise<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Goes on with `next` at once, or when the promise is fulfilled. Errors travel as they do in plain code. */
export function then<T, R>(value: Maybe<T>, next: (value: T) => Maybe<R>): Maybe<R> {
  return isPromise(value) ? value.then(next) : next(value)
}

/** Runs `task`; what it throws, now or later, goes to `rescue`. */
export function attempt<T>(task: () => Maybe<T>, rescue: (error: unknown) => Maybe<T>): Maybe<T> {
  try {
    const value = task()
    return isPromise(value) ? value.catch(rescue) : value
  } catch (error) {
    return rescue(error)
  }
}

/** Runs `task`, and `end` when it has settled, whatever came of it. */
export function lastly<T>(task: () => Maybe<T>, end: () => void): Maybe<T> {
  let value: Maybe<T>
  try {
    value = task()
  } catch (error) {
    end()
    throw error
  }
  if (isPromise(value)) return value.finally(end)
  end()
  return value
}

/** Calls `visit` for each item in order, waiting where a visit waits. Stops when a visit returns something other than undefined. */
export function eachInOrder<T, R>(
  items: readonly T[],
  visit: (item: T) => Maybe<R | undefined>,
  from = 0,
): Maybe<R | undefined> {
  for (let i = from; i < items.length; i++) {
    const result = visit(items[i] as T)
    if (isPromise(result)) return goOn(result, items, visit, i + 1)
    if (result !== undefined) return result
  }
  return undefined
}

/** Apart, for a closure in the loop would cost its memory in each round of it. */
async function goOn<T, R>(
  result: Promise<R | undefined>,
  items: readonly T[],
  visit: (item: T) => Maybe<R | undefined>,
  next: number,
): Promise<R | undefined> {
  return (await result) ?? eachInOrder(items, visit, next)
}
