import { slotOf } from '../../cluster/slots.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Clock } from '../clock.ts'
import { errorReply, StanzaError } from '../errors.ts'

/** What a home answers, it answers within so many ms; what has not been by then is forgotten. */
const FORGOTTEN_MS = 60_000

interface Question {
  readonly stanza: Stanza
  readonly send: (answer: Stanza) => void
  readonly since: number
  /** The home has it, and nobody waits for the frame that brought it any more. */
  taken: boolean
}

/**
 * Requests of this node's connections that homes elsewhere answer themselves. A home says that it has one as soon as it has begun with it
 * (ARCHITECTURE §1); should it die before it has answered, they are answered here.
 */
export class Asked {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** In the order in which they began, by who asks and the id. */
  readonly #open = new Map<string, Question>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /**
   * A connection's IQ is on its way to another node. If it is a request that a home answers, that is responsible for it from when `taken`
   * resolves; `send` is given the error that answers it if the home dies.
   */
  begin(stanza: Stanza, taken: Promise<unknown>, send: (answer: Stanza) => void): void {
    if (!isForServer(stanza)) return
    this.#tidy()
    const question: Question = { stanza, send, since: this.#clock.monotonic(), taken: false }
    const key = keyOf(stanza.from, stanza)
    this.#open.set(key, question)
    taken.then(
      () => {
        question.taken = true
      },
      // Whoever sent it answers for that.
      () => this.#open.get(key) === question && this.#open.delete(key),
    )
  }

  /** Something is on its way to who may have asked. */
  answered(stanza: Stanza): void {
    const { kind, type, to } = stanza
    if (this.#open.size === 0 || kind !== 'iq' || to === undefined) return
    if (type === 'result' || type === 'error') this.#open.delete(keyOf(to, stanza))
  }

  /** The homes of some slots have died. RFC 6120 §8.2.3: whoever asks is answered, be it with an error. */
  died(slots: ReadonlySet<number>): void {
    for (const [key, { stanza, send, taken }] of this.#open) {
      if (!taken || !slots.has(slotOf(answererOf(stanza)))) continue
      this.#open.delete(key)
      // RFC 6120 §8.3.3.16: nobody knows what has become of it.
      const reply = errorReply(stanza, new StanzaError('remote-server-timeout'))
      if (reply !== undefined) send(reply)
    }
  }

  /** Answers that came by other ways, since homes or connections have moved. */
  #tidy(): void {
    const before = this.#clock.monotonic() - FORGOTTEN_MS
    for (const [key, { since }] of this.#open) {
      if (since > before) return
      this.#open.delete(key)
    }
  }
}

/** Whether it is a request that no client answers (RFC 6120 §10.3.3, §10.5.3): to nobody, a host, or an account. */
function isForServer({ type, to }: Stanza): boolean {
  return (type === 'get' || type === 'set') && (to === undefined || to.resource === '')
}

/** Whose home answers a request: the account that is asked; the own one for what it asks a host. */
function answererOf({ from, to = from }: Stanza): string {
  return (to.local === '' ? from : to).bare.toString()
}

/** RFC 6120 §8.1.3: the id tells an entity's requests apart. */
function keyOf(asker: JID, { id }: Stanza): string {
  return `${asker} ${id}`
}
