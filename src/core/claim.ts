/** Claims on requests, as extensions register them. */
import type { Element } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Maybe } from './maybe.ts'
import type { Session } from './session.ts'

/**
 * Where a stanza is handled: the server itself (`localhost`), an account (`alice@localhost`), a service (`pubsub.localhost`,
 * `rooms.localhost`) or a room (`tea@rooms.localhost`).
 */
export type Place = 'server' | 'account' | 'pubsub' | 'rooms' | 'room'

/** An IQ request on its way to its handler. */
export interface IqContext {
  readonly stanza: Stanza
  /** The claimed child, as a tree. */
  readonly payload: Element
  /** The account it is handled for; the sender's own where `to` is absent. Elsewhere the address of the host or the service. */
  readonly owner: JID
  /** The sender's session where it is one of the owner's own. */
  readonly session?: Session
}

/** An answer with more to it than a payload. */
export interface IqAnswer {
  /** Stanzas that whoever asks gets first. */
  readonly before?: readonly Stanza[]
  readonly payload: Element | undefined
  /** What is to be done once it is sent. Nobody waits for that; what it throws is logged. */
  readonly after?: () => Maybe<void>
}

/** Answers a request with a payload, with nothing (an empty result), or throws a StanzaError. It never sends a reply. */
export type IqHandler = (iq: IqContext) => Maybe<Element | IqAnswer | undefined>

/** A claim on an IQ request. Use `get()` or `set()` to make one. */
export interface IqRegistration {
  readonly type: 'get' | 'set'
  readonly namespace: string
  readonly name: string
  readonly place: Place
  /** Who may ask an account: only its own sessions (then others get service-unavailable), or anyone. */
  readonly access: 'own' | 'any'
  readonly handler: IqHandler
}

interface IqOptions {
  access?: 'own' | 'any'
}

/** Claims IQs of type get: `get(NS.ping, 'ping', 'server', () => undefined)`. */
export function get(
  namespace: string,
  name: string,
  place: Place,
  handler: IqHandler,
  options?: IqOptions,
): IqRegistration {
  return { type: 'get', namespace, name, place, handler, access: options?.access ?? 'own' }
}

/**
 * Claims IQs of type set: `set(NS.roster, 'query', 'account', ...)`.
 * @public the first extensions only answer questions
 */
export function set(
  namespace: string,
  name: string,
  place: Place,
  handler: IqHandler,
  options?: IqOptions,
): IqRegistration {
  return { type: 'set', namespace, name, place, handler, access: options?.access ?? 'own' }
}

/** A client's stream before sign-in. One object per stream, so a WeakMap can hold what an extension knows of it. */
export interface NewStream {
  /** The client's address, as far as it is known. */
  readonly address: string
}

/** Answers a request on a stream before sign-in, as an IqHandler does. */
export type NewStreamHandler = (payload: Element, stream: NewStream) => Maybe<Element | undefined>

/** A claim on an IQ request before sign-in. All others end the stream: RFC 6120 §4.9.3.12. */
export interface NewStreamRegistration {
  readonly type: 'get' | 'set'
  readonly namespace: string
  readonly name: string
  readonly handler: NewStreamHandler
}
