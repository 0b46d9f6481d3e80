import { copyOf, type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'

/** What the sender should do about an error: RFC 6120 §8.3.2. */
export type ErrorType = 'auth' | 'cancel' | 'continue' | 'modify' | 'wait'

/** Defined conditions of stanza errors with the type the RFC recommends for each: RFC 6120 §8.3.3. */
const CONDITIONS = {
  'bad-request': 'modify',
  conflict: 'cancel',
  'feature-not-implemented': 'cancel',
  forbidden: 'auth',
  gone: 'cancel',
  'internal-server-error': 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'not-acceptable': 'modify',
  'not-allowed': 'cancel',
  'not-authorized': 'auth',
  'policy-violation': 'modify',
  'recipient-unavailable': 'wait',
  redirect: 'modify',
  'registration-required': 'auth',
  'remote-server-not-found': 'cancel',
  'remote-server-timeout': 'wait',
  'resource-constraint': 'wait',
  'service-unavailable': 'cancel',
  'subscription-required': 'auth',
  'undefined-condition': 'modify',
  'unexpected-request': 'wait',
} as const satisfies Record<string, ErrorType>

/** A defined condition of a stanza error. */
export type Condition = keyof typeof CONDITIONS

/** What may be told besides the condition. */
export interface StanzaErrorOptions {
  /** Overrides the type that the RFC recommends for the condition. */
  type?: ErrorType
  /** Text for people, English. */
  text?: string
  /** Application-specific condition (RFC 6120 §8.3.4). */
  application?: Element
  /** XEP-0086 §2: the number that errors had before RFC 3920, for clients that look at nothing else. */
  code?: number
}

/** An error that answers one stanza. Thrown anywhere, turned into XML in one place (`errorReply`). */
export class StanzaError extends Error {
  readonly condition: Condition
  readonly type: ErrorType
  readonly text: string | undefined
  readonly application: Element | undefined
  readonly code: number | undefined

  constructor(condition: Condition, options: StanzaErrorOptions = {}) {
    super(options.text === undefined ? condition : `${condition}: ${options.text}`)
    this.name = 'StanzaError'
    this.condition = condition
    this.type = options.type ?? CONDITIONS[condition]
    this.text = options.text
    this.application = options.application
    this.code = options.code
  }

  /** The `<error/>` element: RFC 6120 §8.3.2. */
  element(by?: string): Element {
    return xml(
      'error',
      { type: this.type, by, code: this.code?.toString() },
      xml(this.condition, { xmlns: NS.stanzaErrors }),
      this.text !== undefined && xml('text', { xmlns: NS.stanzaErrors, 'xml:lang': 'en' }, this.text),
      // Copied: the same error may be thrown for many stanzas.
      this.application && copyOf(this.application),
    )
  }

  /** Reads an `<error/>` element that `element()` made. */
  static parse(error: Element): StanzaError {
    const parts = error.getChildElements()
    const [condition] = parts.filter(part => part.getNS() === NS.stanzaErrors && part.getName() !== 'text')
    const application = parts.find(part => part.getNS() !== NS.stanzaErrors)
    const text = error.getChildText('text', NS.stanzaErrors)
    return new StanzaError(condition?.getName() as Condition, {
      type: error.attrs.type as ErrorType,
      ...(text !== null && { text }),
      ...(application !== undefined && { application }),
      ...(error.attrs.code !== undefined && { code: Number(error.attrs.code) }),
    })
  }

  /** The condition of any thrown value: what is not a StanzaError is a fault of ours. */
  static from(error: unknown): StanzaError {
    return error instanceof StanzaError ? error : new StanzaError('internal-server-error')
  }
}

/**
 * The error stanza that answers `stanza`, or undefined where none may be sent.
 * RFC 6120 §8.3.1: an error stanza is never answered; §8.2.3: neither is an IQ of type result.
 */
export function errorReply(stanza: Stanza, error: StanzaError): Stanza | undefined {
  if (stanza.type === 'error' || (stanza.kind === 'iq' && stanza.type === 'result')) return undefined
  return stanza.reply('error', error.element())
}

/** An error an operator can see and mend: `code` is stable and searchable, `message` says what to do. */
export class TidingsError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TidingsError'
    this.code = code
  }
}
