/** XEP-0114: Jabber Component Protocol. */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Connection, Receiver } from '../c2s/connection.ts'
import { STREAM_END, streamError } from '../c2s/stream-text.ts'
import type { Background } from '../core/background.ts'
import { StanzaError } from '../core/errors.ts'
import { Lane } from '../core/lane.ts'
import type { Log } from '../core/log.ts'
import { isPromise, type Maybe, then } from '../core/maybe.ts'
import type { Router } from '../core/router.ts'
import type { AttachedService } from '../core/services.ts'
import type { SessionPort } from '../core/session.ts'
import { escapeValue } from '../xml/escape.ts'
import { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import { Reader, type ReaderLimits, type StreamOpen, type TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import { incoming } from './incoming.ts'

/** A component that may connect. */
export interface Component {
  readonly service: AttachedService
  readonly secret: string
}

/** What all components of a server share. */
export interface ComponentParts {
  readonly router: Pick<Router, 'attach' | 'accept'>
  /** By domain. */
  readonly components: ReadonlyMap<string, Component>
  readonly limits: ReaderLimits
  readonly background: Background
  readonly log: Log
  /** Told when a component has shown that it knows its secret. */
  readonly admitted: (connection: Connection) => void
}

/** With so many stanzas under way no more are read, until only so few are left. */
const MOST_UNSETTLED = 256
const FEW_UNSETTLED = 64

/** The stream of one component, from its header to its end. */
export class ComponentSession implements Receiver, SessionPort {
  readonly #connection: Connection
  readonly #parts: ComponentParts
  readonly #reader: Reader
  /** What the component sends is handled in order. */
  readonly #lane = new Lane()
  readonly #id = randomUUID()
  #headerSent = false
  /** Whom its header names. */
  #component: Component | undefined
  #state: 'negotiating' | 'attaching' | 'open' | 'over' = 'negotiating'
  #detach: (() => Promise<void>) | undefined
  #unsettled = 0
  #full = false

  /** Takes over the reading of a connection. */
  constructor(connection: Connection, parts: ComponentParts) {
    this.#connection = connection
    this.#parts = parts
    this.#reader = new Reader({ ...parts.limits }, NS.component)
    connection.receiver = this
  }

  send(stanza: Stanza): void {
    if (this.#state === 'open') stanza.put(this.#connection)
  }

  drained(): Maybe<number | undefined> {
    return then(this.#connection.drained(), taken => (taken ? 0 : undefined))
  }

  close(error: StreamError): void {
    this.#end(error)
  }

  received(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#pump()
  }

  ended(): void {
    this.#end()
  }

  gone(): void {
    this.#leave()
  }

  /** Handles what has been received, until something makes it wait. */
  #pump(): void {
    try {
      let item = this.#held ? undefined : this.#reader.next()
      while (item !== undefined) {
        if (item.kind === 'close') this.#end()
        else if (item.kind === 'open') this.#open(item)
        else if (this.#state === 'open') this.#take(item)
        else this.#handshake(item)
        item = this.#held ? undefined : this.#reader.next()
      }
      if (this.#held) this.#connection.pause()
      else this.#connection.resume()
    } catch (error) {
      this.#fail(error)
    }
  }

  get #held(): boolean {
    return this.#full || this.#state === 'attaching' || this.#state === 'over'
  }

  /** XEP-0114 §3: `to` names the component. */
  #open({ to }: StreamOpen): void {
    this.#component =
      to === undefined ? undefined : this.#parts.components.get(JID.tryParse(to)?.toString() ?? '')
    this.#sendHeader()
    if (this.#component === undefined) throw new StreamError('host-unknown')
  }

  /** XEP-0114 §3: the component proves that it knows the secret. */
  #handshake(element: TopElement): void {
    const component = this.#component
    if (component === undefined || element.name !== 'handshake' || element.ns !== NS.client)
      throw new StreamError('not-authorized', 'the handshake comes first')
    const proof = createHash('sha1')
      .update(this.#id + component.secret)
      .digest('hex')
    if (!isSame(element.text(), proof)) throw new StreamError('not-authorized')
    this.#state = 'attaching'
    this.#parts.admitted(this.#connection)
    this.#parts.background.run('attach', this.#attach(component))
  }

  async #attach({ service }: Component): Promise<void> {
    try {
      this.#detach = await this.#parts.router.attach(service, this)
    } catch (error) {
      // XEP-0114 §3: the other one stays.
      const rival = error instanceof StanzaError && error.condition === 'conflict'
      return this.#fail(rival ? new StreamError('conflict', 'this component is connected') : error)
    }
    if (this.#state !== 'attaching') return this.#detach()
    this.#state = 'open'
    this.#connection.send(Buffer.from('<handshake/>'))
    this.#parts.log.info({ component: service.jid }, 'a component is connected')
    this.#pump()
  }

  #take(element: TopElement): void {
    const stanza = incoming(element, this.#component!.service.jid.domain, this)
    if (stanza === undefined) return
    const settled = this.#lane.run(() => this.#parts.router.accept(stanza, this))
    if (!isPromise(settled)) return
    if (++this.#unsettled >= MOST_UNSETTLED) this.#full = true
    settled.then(
      () => this.#settled(),
      error => this.#fail(error),
    )
  }

  #settled(): void {
    if (--this.#unsettled > FEW_UNSETTLED || !this.#full) return
    this.#full = false
    this.#pump()
  }

  #fail(error: unknown): void {
    if (!(error instanceof StreamError))
      this.#parts.log.error({ code: 'TIDINGS_COMPONENT_FAILED', err: error }, "a component's stream failed")
    this.#end(error instanceof StreamError ? error : new StreamError('internal-server-error'))
  }

  #end(error?: StreamError): void {
    if (this.#state === 'over') return
    this.#leave()
    // RFC 6120 §4.9.1.2: an error before the response header goes after it all the same.
    if (!this.#headerSent) this.#sendHeader()
    this.#connection.finish(Buffer.from((error === undefined ? '' : streamError(error)) + STREAM_END))
  }

  /** From now on what is for the component is answered with an error. */
  #leave(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    if (this.#detach === undefined) return
    this.#parts.log.info({ component: this.#component?.service.jid }, 'a component is gone')
    this.#parts.background.run('detach', this.#detach())
  }

  #sendHeader(): void {
    this.#headerSent = true
    const domain = this.#component?.service.jid.domain
    const from = domain === undefined ? '' : ` from='${escapeValue(domain)}'`
    // XEP-0114 §3: like the component's header, ours has no version.
    const namespaces = `xmlns='${NS.component}' xmlns:stream='${NS.stream}'`
    this.#connection.send(
      Buffer.from(`<?xml version='1.0'?><stream:stream ${namespaces}${from} id='${this.#id}'>`),
    )
  }
}

function isSame(given: string, expected: string): boolean {
  const bytes = Buffer.from(given)
  return bytes.length === expected.length && timingSafeEqual(bytes, Buffer.from(expected))
}
