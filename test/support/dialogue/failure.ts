import type { Step } from './types.ts'
import { printEvent, type XmlEvent } from './xml.ts'

/** A dialogue that went otherwise than written: at which step, how, and where XML is compared, both sides printed. */
export class DialogueError extends Error {
  readonly expected: string | undefined
  readonly received: string | undefined

  constructor(step: Step, cause: Error) {
    super(`line ${step.line}: ${step.text.split(':', 1)[0]}: ${cause.message}`)
    this.name = 'DialogueError'
    this.expected = cause instanceof Mismatch ? cause.expected : undefined
    this.received = cause instanceof Mismatch ? cause.received : undefined
  }
}

/** What was received is not what was expected. */
export class Mismatch extends Error {
  readonly expected: string
  readonly received: string

  constructor(why: string, expected: string, received: readonly XmlEvent[]) {
    super(why)
    this.expected = expected
    this.received = received.length === 0 ? 'nothing' : received.map(printEvent).join('\n')
  }
}
