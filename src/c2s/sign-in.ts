import { type SaslContext, SaslError, type SaslExchange, type SaslStep, start } from '../auth/sasl.ts'
import type { Log } from '../core/log.ts'
import type { JID } from '../xml/jid.ts'
import type { TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import { type SaslForm, sasl2 } from './sasl-forms.ts'
import type { SignInQueue } from './sign-in-queue.ts'
import type { Stream } from './stream.ts'

/** What a sign-in needs to know. */
export interface SignInParts {
  readonly context: SaslContext
  /** The forms that clients may use. */
  readonly forms: readonly SaslForm[]
  /** STARTTLS has to come first. */
  tlsFirst(form: SaslForm): boolean
  /** The bare address that the client's stream header is from, if it says so. */
  readonly from: JID | undefined
  /** Failures until the stream is closed. */
  readonly attempts: number
  /** Where it waits for its turn. */
  readonly queue: Pick<SignInQueue, 'turn'>
  readonly log: Log
}

/** Who has signed in, and how. */
export interface SignedIn {
  readonly account: JID
  readonly form: SaslForm
  /** What the mechanism says at last. */
  readonly data: Buffer | undefined
  /** The element that began it. */
  readonly request: TopElement
}

/** An exchange that is under way. */
interface Underway {
  readonly form: SaslForm
  readonly request: TopElement
  readonly exchange: SaslExchange
}

/** The SASL negotiation of one stream, in whichever form: RFC 6120 §6, XEP-0388. */
export class SignIn {
  readonly #stream: Stream
  readonly #parts: SignInParts
  #underway: Underway | undefined
  #failures = 0

  constructor(stream: Stream, parts: SignInParts) {
    this.#stream = stream
    this.#parts = parts
  }

  /** Whether nothing but an answer to our challenge may come next: XEP-0388 §2.4. */
  get exclusive(): boolean {
    return this.#underway?.form.exclusive === true
  }

  /** Takes the client's next element and answers it, all but the one that proves who it is. Throws the StreamError to close with. */
  async take(element: TopElement): Promise<SignedIn | undefined> {
    const form = this.#formOf(element)
    const step = await this.#step(form, element).catch(failureOf)
    if (step.kind === 'challenge') {
      this.#stream.send(form.challenge(step.data))
      return undefined
    }
    const { request = element } = this.#underway ?? {}
    this.#underway = undefined
    if (step.kind === 'failure') return this.#fail(form, step)
    return { account: step.jid, form, data: step.data, request }
  }

  #formOf(element: TopElement): SaslForm {
    const form = this.#parts.forms.find(({ namespace }) => namespace === element.ns)
    // RFC 6120 §4.9.3.12: nothing else may be sent before sign-in.
    if (form === undefined) throw new StreamError('not-authorized', 'sign in first')
    // XEP-0388 §2.4: "Servers MUST disconnect Clients immediately if any other traffic is received."
    if (this.exclusive && !(form === this.#underway?.form && isAnswer(element)))
      throw new StreamError('not-authorized', 'only a response or an end of the sign-in may come now')
    return form
  }

  async #step(form: SaslForm, element: TopElement): Promise<SaslStep> {
    const message = form.read(element)
    if (message.kind === 'abort') throw new SaslError('aborted')
    // One that comes in the middle of an exchange gives that up.
    if (message.kind === 'begin') {
      const turn = this.#parts.queue.turn()
      if (turn !== undefined) await turn
      this.#begin(form, element, message.mechanism)
    }
    if (this.#underway?.form !== form) throw new SaslError('malformed-request', 'There is no exchange.')
    const step = await this.#underway.exchange.step(message.data)
    return step.kind === 'success' && form === sasl2 ? this.#asAnnounced(step) : step
  }

  #begin(form: SaslForm, request: TopElement, mechanism: string): void {
    // RFC 6120 §6.5.4
    if (this.#parts.tlsFirst(form)) throw new SaslError('encryption-required')
    this.#underway = { form, request, exchange: start(mechanism, this.#parts.context) }
  }

  /**
   * XEP-0388 §2.3: it fails if the stream's `from` is somebody else. Where the client gives no authorization identity, that is who its
   * credentials are of; RFC 6120 §4.9.3.7 would have it fail at the stream restart, which does not come here.
   */
  #asAnnounced(step: Extract<SaslStep, { kind: 'success' }>): SaslStep {
    const { from } = this.#parts
    if (from === undefined || from.equals(step.jid)) return step
    return { kind: 'failure', condition: 'invalid-authzid', text: 'The stream is from somebody else.' }
  }

  #fail(form: SaslForm, failure: Extract<SaslStep, { kind: 'failure' }>): undefined {
    const { condition, text, cause } = failure
    const { log, context, attempts } = this.#parts
    if (cause !== undefined)
      log.error({ code: 'TIDINGS_SIGN_IN_FAILED', err: cause }, 'a sign-in could not be checked')
    log.info({ address: this.#stream.connection.address, host: context.host, condition }, 'sign-in refused')
    this.#stream.send(form.failure(condition, text))
    // RFC 6120 §6.4.5: the number of retries is bounded.
    if (++this.#failures >= attempts) throw new StreamError('policy-violation', 'too many failed sign-ins')
    return undefined
  }
}

function isAnswer({ name }: TopElement): boolean {
  return name === 'response' || name === 'abort'
}

function failureOf(error: unknown): SaslStep {
  if (!(error instanceof SaslError)) throw error
  return { kind: 'failure', condition: error.condition, text: error.text }
}
