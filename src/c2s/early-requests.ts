import type { NewStreamRegistration } from '../core/claim.ts'
import { StanzaError } from '../core/errors.ts'
import type { NewStream } from '../core/extension.ts'
import type { Hooks } from '../core/hooks.ts'
import type { Log } from '../core/log.ts'
import { type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Stream } from './stream.ts'

/** What answering early requests takes. */
export interface EarlyRequestsParts {
  /** The host that the stream is to. */
  readonly host: string
  readonly hooks: Hooks
  /** Refused requests until the stream is closed. */
  readonly attempts: number
  readonly log: Log
}

/** Requests that extensions answer on a stream before sign-in, such as registration (XEP-0077 §3.1.1). */
export class EarlyRequests {
  readonly #stream: Stream
  readonly #parts: EarlyRequestsParts
  readonly #newStream: NewStream
  #refused = 0

  constructor(stream: Stream, parts: EarlyRequestsParts) {
    this.#stream = stream
    this.#parts = parts
    this.#newStream = { address: stream.connection.address }
  }

  /** Answers a request that an extension has claimed. False: nobody has. Throws the StreamError to close the stream with. */
  async take(element: TopElement): Promise<boolean> {
    const claim = this.#claim(element)
    if (claim === undefined) return false
    const { name, namespace, handler } = claim
    const payload = element.child(name, namespace)!
    try {
      const result = await handler(payload, this.#newStream)
      this.#stream.send(this.#answer(element, 'result', result))
    } catch (error) {
      this.#refuse(element, error)
    }
    return true
  }

  /** RFC 6120 §8.2.3: a request has an id and one child; nobody but the host can be asked before sign-in. */
  #claim(element: TopElement): NewStreamRegistration | undefined {
    if (element.name !== 'iq' || element.ns !== NS.client) return undefined
    const [child, ...others] = element.children
    const to = element.attribute('to')
    if (child === undefined || others.length > 0 || element.attribute('id') === undefined) return undefined
    if (to !== undefined && to !== this.#parts.host) return undefined
    return this.#parts.hooks.claims.beforeSignIn(element.attribute('type') ?? '', child.ns, child.name)
  }

  #refuse(element: TopElement, error: unknown): void {
    const { log, attempts } = this.#parts
    if (!(error instanceof StanzaError))
      log.error({ code: 'TIDINGS_IQ_HANDLER_FAILED', err: error }, 'the handler of a request failed')
    this.#stream.send(this.#answer(element, 'error', StanzaError.from(error).element()))
    // XEP-0077 §3.1.1: nobody may try for ever.
    if (++this.#refused >= attempts) throw new StreamError('policy-violation', 'too many refused requests')
  }

  /** From whom it was sent to, and to nobody: the client has no address yet. */
  #answer(request: TopElement, type: string, payload: Element | undefined): Element {
    return xml('iq', { type, id: request.attribute('id'), from: request.attribute('to') }, payload)
  }
}
