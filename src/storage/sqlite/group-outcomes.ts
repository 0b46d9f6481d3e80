/** What became of a group of commits on its way back from the writer thread: numbers, since an object a commit costs ten times that to hand over. */
import type { PlainError } from './errors.ts'
import type { Outcome } from './group-message.ts'

/** The message. `numbers` holds, commit by commit, what follows (a sum of RESULT) and then so much of it. */
export interface PackedOutcomes {
  readonly numbers: Float64Array<ArrayBuffer>
  /** Of the commits that failed, in their order. */
  readonly errors: readonly PlainError[]
}

/** In units of `given`: how many numbers the appends were given. */
const RESULT = { failed: 1, repeated: 2, swapped: 4, given: 8 } as const

/** Packs outcomes. */
export function packOutcomes(outcomes: readonly Outcome[]): PackedOutcomes {
  const numbers: number[] = []
  const errors: PlainError[] = []
  for (const outcome of outcomes) {
    if ('error' in outcome) {
      numbers.push(RESULT.failed)
      errors.push(outcome.error)
      continue
    }
    const { given, repeated, swapped } = outcome
    const flags = (repeated ? RESULT.repeated : 0) | (swapped ? RESULT.swapped : 0)
    numbers.push(flags + RESULT.given * given.length)
    for (const number of given) numbers.push(number)
  }
  return { numbers: new Float64Array(numbers), errors }
}

/** Unpacks what `packOutcomes` packed. */
export function unpackOutcomes({ numbers, errors }: PackedOutcomes): Outcome[] {
  const outcomes: Outcome[] = []
  let nextError = 0
  for (let at = 0; at < numbers.length; ) {
    const result = numbers[at++]!
    if ((result & RESULT.failed) !== 0) {
      outcomes.push({ error: errors[nextError++]! })
      continue
    }
    const given: number[] = []
    for (let count = Math.floor(result / RESULT.given); count > 0; count--) given.push(numbers[at++]!)
    const [repeated, swapped] = [(result & RESULT.repeated) !== 0, (result & RESULT.swapped) !== 0]
    outcomes.push({ given, repeated, swapped })
  }
  return outcomes
}
