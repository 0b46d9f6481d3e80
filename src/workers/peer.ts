import { TidingsError } from '../core/errors.ts'

/** What carries messages between a supervisor and a worker: a child process, or this process. */
export interface Channel {
  send?(message: unknown): unknown
  on(event: 'message', listener: (message: unknown) => void): unknown
}

/** What one side asks, and what it is answered; values are what structured clone can copy. */
export type Asks = { readonly [name: string]: { readonly ask: unknown; readonly answer: unknown } }

/** How the questions of the other side are answered. */
export type Answers<A extends Asks> = {
  readonly [N in keyof A]: (ask: A[N]['ask']) => Promise<A[N]['answer']>
}

/** A question, an answer, or why there is none. */
type Message =
  | { readonly number: number; readonly name: string; readonly ask: unknown }
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly failed: { readonly code: string; readonly text: string } }

interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

/** One end of a channel: asks, and answers what the other end asks. */
export class Peer<Own extends Asks, Other extends Asks> {
  readonly #channel: Channel
  readonly #waiting = new Map<number, Waiting>()
  #next = 1

  constructor(channel: Channel, answers: Answers<Other>) {
    this.#channel = channel
    channel.on('message', message => this.#take(message as Message, answers))
  }

  /** Rejects with the TidingsError of the other end, or of its end. */
  ask<N extends keyof Own & string>(name: N, ask: Own[N]['ask']): Promise<Own[N]['answer']> {
    const number = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
      this.#channel.send?.({ number, name, ask } satisfies Message)
    })
  }

  /** The other end has gone. */
  end(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #take(message: Message, answers: Answers<Other>): void {
    if ('name' in message) void this.#answer(message, answers)
    else this.#answered(message)
  }

  async #answer(
    { number, name, ask }: Extract<Message, { name: string }>,
    answers: Answers<Other>,
  ): Promise<void> {
    try {
      const answer = await answers[name]!(ask)
      this.#channel.send?.({ number, answer } satisfies Message)
    } catch (error) {
      this.#channel.send?.({ number, failed: plain(error) } satisfies Message)
    }
  }

  #answered(message: Exclude<Message, { name: string }>): void {
    const waiting = this.#waiting.get(message.number)
    this.#waiting.delete(message.number)
    if ('failed' in message) waiting?.reject(new TidingsError(message.failed.code, message.failed.text))
    else waiting?.resolve(message.answer as never)
  }
}

/** Errors that have a code keep it, and their text. */
function plain(error: unknown): { code: string; text: string } {
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (error instanceof TidingsError) return { code: error.code, text: error.message }
  return { code: 'TIDINGS_UNEXPECTED', text: `${typeof code === 'string' ? `${code}: ` : ''}${message}` }
}
