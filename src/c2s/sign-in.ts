import {
  decodeSasl,
  encodeSasl,
  type SaslContext,
  SaslError,
  type SaslExchange,
  type SaslStep,
  start,
} from '../auth/sasl.ts'
import type { Log } from '../core/log.ts'
import { type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Stream } from './stream.ts'

/** What a sign-in needs to know. */
export interface SignInParts {
  readonly context: SaslContext
  /** STARTTLS has to come first. */
  readonly tlsFirst: boolean
  /** Failures until the stream is closed. */
  readonly attempts: number
  readonly log: Log
}

/** The SASL negotiation of one stream: RFC 6120 §6. */
export class SignIn {
  readonly #stream: Stream
  readonly #parts: SignInParts
  #exchange: SaslExchange | undefined
  #failures = 0

  constructor(stream: Stream, parts: SignInParts) {
    this.#stream = stream
    this.#parts = parts
  }

  /** Takes the client's next element and answers it. Returns the account once it is proven. Throws the StreamError to close with. */
  async take(element: TopElement): Promise<JID | undefined> {
    // RFC 6120 §4.9.3.12: nothing else may be sent before sign-in.
    if (element.ns !== NS.sasl) throw new StreamError('not-authorized', 'sign in first')
    const step = await this.#step(element).catch(failureOf)
    if (step.kind === 'challenge') {
      this.#stream.send(xml('challenge', { xmlns: NS.sasl }, encodeSasl(step.data) || undefined))
      return undefined
    }
    this.#exchange = undefined
    if (step.kind === 'failure') return this.#fail(step)
    this.#stream.send(xml('success', { xmlns: NS.sasl }, encodeSasl(step.data) || undefined))
    return step.jid
  }

  async #step(element: TopElement): Promise<SaslStep> {
    const { context, tlsFirst } = this.#parts
    switch (element.name) {
      // RFC 6120 §6.4.2. One that comes in the middle of an exchange gives that up.
      case 'auth':
        // RFC 6120 §6.5.4
        if (tlsFirst) throw new SaslError('encryption-required')
        this.#exchange = start(element.attribute('mechanism') ?? '', context)
        return this.#exchange.step(decodeSasl(element.text()))
      // RFC 6120 §6.4.3
      case 'response':
        if (this.#exchange === undefined) throw new SaslError('malformed-request', 'There is no exchange.')
        return this.#exchange.step(decodeSasl(element.text()) ?? Buffer.alloc(0))
      // RFC 6120 §6.4.4
      case 'abort':
        throw new SaslError('aborted')
      default:
        throw new SaslError('malformed-request')
    }
  }

  #fail(failure: Extract<SaslStep, { kind: 'failure' }>): undefined {
    const { condition, text, cause } = failure
    const { log, context, attempts } = this.#parts
    if (cause !== undefined)
      log.error({ code: 'TIDINGS_SIGN_IN_FAILED', err: cause }, 'a sign-in could not be checked')
    log.info({ address: this.#stream.connection.address, host: context.host, condition }, 'sign-in refused')
    this.#stream.send(failureElement(condition, text))
    // RFC 6120 §6.4.5: the number of retries is bounded.
    if (++this.#failures >= attempts) throw new StreamError('policy-violation', 'too many failed sign-ins')
    return undefined
  }
}

function failureOf(error: unknown): SaslStep {
  if (!(error instanceof SaslError)) throw error
  return { kind: 'failure', condition: error.condition, text: error.text }
}

function failureElement(condition: string, text: string | undefined): Element {
  return xml(
    'failure',
    { xmlns: NS.sasl },
    xml(condition),
    text !== undefined && xml('text', { 'xml:lang': 'en' }, text),
  )
}
