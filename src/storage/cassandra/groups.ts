import type { Committed, Operation } from '../engine.ts'
import type { StorageError } from '../types.ts'
import { NotHeld, storageError } from './errors.ts'
import { Group, type GroupParts } from './group.ts'

/** Stores commits together; tells what became of each. Never rejects. */
export async function storeGroup(
  parts: GroupParts,
  commits: readonly (readonly Operation[])[],
): Promise<readonly (Committed | StorageError)[]> {
  try {
    const group = new Group(parts)
    await group.prepare(commits.flat())
    const outcomes = commits.map(operations => group.decide(operations))
    await group.store()
    return outcomes
  } catch (error) {
    const failure = storageError(error)
    if (commits.length === 1 || (failure.retryable && !(failure instanceof NotHeld)))
      return commits.map(() => failure)
    // One of them cannot be stored: the others can.
    const outcomes: (Committed | StorageError)[] = []
    for (const commit of commits) outcomes.push(...(await storeGroup(parts, [commit])))
    return outcomes
  }
}
