import { type Element, xml } from '../../xml/element.ts'
import { blankForm, FormError, filledForm, type SubmittedValues, valuesIn } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import type { Command, Completed, Dialog, Note, Onward } from './command.ts'
import { badPayload, isBadPayload, refusal } from './errors.ts'

/** XEP-0050 §4.1: the actions of a request. */
export const ACTIONS = ['execute', 'cancel', 'prev', 'next', 'complete'] as const

/** What a client does with a command. */
export type CommandAction = (typeof ACTIONS)[number]

/** What a command has come to: the children of its `<command/>`. */
export interface Step {
  readonly status: 'executing' | 'completed'
  readonly children: readonly Element[]
}

/** A form that came back, as it is kept. */
interface Submitted {
  readonly values: SubmittedValues
  readonly onward: Onward
}

/** The same as JSON. */
export type PackedAnswers = readonly (readonly [
  onward: Onward,
  values: readonly (readonly [name: string, texts: readonly string[]])[],
])[]

/** Where a command waits. */
interface Waiting {
  readonly onward: readonly Onward[]
  /** Throws a StanzaError `bad-payload` for what does not fit the form. */
  readonly check: (submitted: Submitted) => void
  readonly resume: (submitted: Submitted) => void
}

/** One run of a command for one user. Its steps must not overlap. */
export class Conversation {
  readonly #command: Command
  readonly #asker: JID
  readonly #owner: JID
  /** The forms that were filled in, oldest first. */
  readonly #answers: Submitted[]
  #waiting: Waiting | undefined
  /** Number of the run that counts. */
  #run = 0
  /** What the next step will be; another one with each answer. */
  #step = Promise.withResolvers<Step>()

  /** `answers`: of a run of which the former home of the asker has told (`packed`). It goes on once it has been played. */
  constructor(command: Command, asker: JID, owner: JID, answers: PackedAnswers = []) {
    this.#command = command
    this.#asker = asker
    this.#owner = owner
    this.#answers = answers.map(([onward, values]) => ({ onward, values: new Map(values) }))
  }

  /** The forms that were filled in, as JSON. */
  get packed(): PackedAnswers {
    return this.#answers.map(({ onward, values }) => [onward, [...values]])
  }

  /** Runs the command from its top with the answers so far. A run before it is left where it waits, and has no say any more. */
  play(): Promise<Step> {
    const run = ++this.#run
    const step = Promise.withResolvers<Step>()
    this.#step = step
    this.#waiting = undefined
    const ask = this.#asking(run)
    this.#command.run({ asker: this.#asker, owner: this.#owner, ask }).then(
      completed => run === this.#run && this.#step.resolve(ended(completed)),
      (error: unknown) => run === this.#run && this.#step.reject(error),
    )
    return step.promise
  }

  /** How one run asks: what was answered before is answered again. */
  #asking(run: number): Dialog['ask'] {
    const known = this.#answers.values()
    return async (form, { onward = LAST, notes = [] } = {}) => {
      const read = (submitted: Submitted) => ({
        values: fill(() => filledForm(form, submitted.values)),
        onward: submitted.onward,
      })
      const played = known.next()
      if (!played.done) return read(played.value)
      const { promise, resolve } = Promise.withResolvers<Submitted>()
      if (run === this.#run) {
        this.#waiting = { onward, check: read, resume: resolve }
        const actions = actionsOf(onward, this.#answers.length > 0)
        const children = [actions, blankForm(form), ...notes.map(noteOf)]
        this.#step.resolve({ status: 'executing', children })
      }
      return read(await promise)
    }
  }

  /** Goes on, or back, with what the client has sent. Rejects with the StanzaError to answer; `waits` tells whether that was the end. */
  async go(action: Exclude<CommandAction, 'cancel'>, form: Element | undefined): Promise<Step> {
    const { onward, check, resume } = this.#waiting as Waiting
    if (action === 'prev') {
      if (this.#answers.pop() === undefined) throw refusal('bad-action', 'this is the first form')
      return this.play()
    }
    // XEP-0050 §3.4: `execute` is what <actions execute=''/> says.
    const way = action === 'execute' ? (onward[0] as Onward) : action
    if (!onward.includes(way)) throw refusal('bad-action', `here you can go on with ${onward.join(' or ')}`)
    // XEP-0050 §3.5.1: a form of type cancel counts as one of type submit.
    const submitted = { values: form === undefined ? NO_VALUES : valuesIn(form), onward: way }
    check(submitted)
    this.#answers.push(submitted)
    this.#waiting = undefined
    this.#step = Promise.withResolvers<Step>()
    const { promise } = this.#step
    resume(submitted)
    return promise.catch((error: unknown) => this.#again(error))
  }

  /** Whether it waits for a form. */
  get waits(): boolean {
    return this.#waiting !== undefined
  }

  /** A command that refuses an answer waits for another one at the same form. */
  async #again(error: unknown): Promise<never> {
    if (isBadPayload(error)) {
      this.#answers.pop()
      await this.play()
    }
    throw error
  }
}

const LAST = ['complete'] as const
const NO_VALUES: SubmittedValues = new Map()

function fill<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormError) throw badPayload(error.message)
    throw error
  }
}

/** XEP-0050 §3.4: what is offered, in the order of the schema; `execute` is the usual one. */
function actionsOf(onward: readonly Onward[], back: boolean): Element {
  return xml(
    'actions',
    { execute: onward[0] },
    back && xml('prev'),
    onward.includes('next') && xml('next'),
    onward.includes('complete') && xml('complete'),
  )
}

function ended({ payload = [], notes = [] }: Completed): Step {
  return { status: 'completed', children: [...payload, ...notes.map(noteOf)] }
}

function noteOf({ type, text }: Note): Element {
  return xml('note', { type }, text)
}
