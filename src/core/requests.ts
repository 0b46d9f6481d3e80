import { randomUUID } from 'node:crypto'
import type { Stanza } from '../xml/stanza.ts'
import type { Clock, Timer } from './clock.ts'
import { StanzaError } from './errors.ts'

/** How long an answer is waited for, in milliseconds. */
const ANSWER_MS = 30_000

interface Pending {
  /** Who was asked. */
  readonly to: string
  readonly timer: Timer
  readonly resolve: (answer: Stanza) => void
}

/** Requests (IQs) that a host makes of others, until they are answered. */
export class Requests {
  readonly #clock: Clock
  readonly #send: (request: Stanza) => void
  readonly #pending = new Map<string, Pending>()

  constructor(clock: Clock, send: (request: Stanza) => void) {
    this.#clock = clock
    this.#send = send
  }

  /**
   * Sends a request of type get or set, with an id of our own. Resolves with the answer: a result or an error.
   * Rejects with the StanzaError `remote-server-timeout` when there is none in time.
   */
  make(request: Stanza): Promise<Stanza> {
    const id = randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<Stanza>()
    const timer = this.#clock.after(ANSWER_MS, () => {
      this.#pending.delete(id)
      reject(new StanzaError('remote-server-timeout'))
    })
    this.#pending.set(id, { to: String(request.to), timer, resolve })
    this.#send(request.with({ id }))
    return promise
  }

  /** Takes an answer. What nobody asked for, or asked somebody else for, is ignored. */
  answer(stanza: Stanza): void {
    const pending = this.#pending.get(stanza.id ?? '')
    if (pending === undefined || pending.to !== stanza.from.toString()) return
    this.#pending.delete(stanza.id ?? '')
    pending.timer.cancel()
    pending.resolve(stanza)
  }

  /** Gives up waiting: no timer is left. */
  stop(): void {
    for (const { timer } of this.#pending.values()) timer.cancel()
    this.#pending.clear()
  }
}
