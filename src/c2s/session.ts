import type { Fetched } from '../core/link/remote-sessions.ts'
import { attempt, type Maybe, then } from '../core/maybe.ts'
import type { SessionHandle, SessionPort } from '../core/session.ts'
import type { HandedOver, Unacknowledged } from '../core/unacknowledged.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Receiver } from './connection.ts'
import { incoming } from './incoming.ts'
import { Intake, type Taker } from './intake.ts'
import { type Managed, Management } from './management.ts'
import type { SessionMetrics } from './metrics.ts'
import { enable, takeNonza } from './nonzas.ts'
import { Outflow } from './outflow.ts'
import type { Tell } from './resumption.ts'
import type { SessionParts } from './session-parts.ts'
import type { Stream } from './stream.ts'
import type { Turn } from './stream-counters.ts'
import { Transport } from './transport.ts'

/** One stanza of so many of its kind is timed: reading the clock costs 0.15 us, and this many say the same. A power of two. */
const SAMPLE = 8

/** How a session begins, where its client has asked for more than that. */
export interface FirstState {
  /** XEP-0198 §9.1, with the SM-ID if it can be resumed. */
  readonly managed?: { readonly id: string | undefined } | undefined
  /** XEP-0352: its client is inactive. */
  readonly inactive?: boolean
}

/** A client's session: hops 2 and 6 of a message (ARCHITECTURE §7). Driven by what its connection receives and by the core. */
export class ClientSession implements Receiver, SessionPort, Managed, Taker {
  readonly #transport: Transport
  readonly #intake: Intake
  readonly #out: Outflow
  readonly #parts: SessionParts
  readonly #metrics: SessionMetrics
  #handle: SessionHandle | undefined
  #ending = false
  /** Its client has closed the stream. */
  #closing = false
  /** Its connection is gone, and it waits to be resumed. */
  #away = false
  /** How many connections have wanted to resume it. */
  #claims = 0
  /** Why it ends, if it was closed before it began. */
  #closed: StreamError | undefined

  /** A session in the making, to be bound and then started with `begin()`. */
  constructor(stream: Stream, parts: SessionParts) {
    this.#transport = new Transport(stream)
    this.#parts = parts
    this.#intake = new Intake(this, stream, parts.rate, parts.clock)
    this.#metrics = parts.metrics
    this.#out = new Outflow(this, parts.metrics, parts.clock)
  }

  get #management(): Management | undefined {
    return this.#out.management
  }

  /** The session is bound: takes over the connection from its stream and tells the client (`greeting`). */
  begin(handle: SessionHandle, greeting: readonly Buffer[], state: FirstState = {}): void {
    this.#transport.receiver = this
    for (const bytes of greeting) this.#transport.bytes(bytes)
    this.#handle = handle
    if (state.managed !== undefined && this.#transport.open)
      enable(state.managed.id, this, this.#out, this.#parts)
    if (state.inactive) this.#out.deactivate()
    this.#out.start()
    if (!this.#transport.open) this.gone()
    else if (this.#closed !== undefined) this.#end(this.#closed)
    else this.#intake.pump()
  }

  /** Sends a stanza to the client. */
  send(stanza: Stanza, number = 0): void {
    this.#out.send(stanza, number)
  }

  drained(): Maybe<number | undefined> {
    return then(this.#out.started(), () => this.#management?.taken() ?? this.#written())
  }

  transmit(stanza: Stanza): void {
    this.#transport.stanza(stanza)
  }

  flushed(): Maybe<boolean> {
    return this.#transport.drained()
  }

  /** Without acknowledgements nobody knows what became of what a client was sent that has gone. */
  #written(): Maybe<0 | undefined> {
    return then(this.#transport.drained(), taken => (taken && !this.#ending ? 0 : undefined))
  }

  hibernates(): boolean {
    return this.#away && !this.#ending
  }

  /** Ends the stream with an error, once what the client sent before has settled. */
  close(error: StreamError): void {
    if (this.#handle === undefined) this.#closed = error
    else this.#end(error)
  }

  received(chunk: Buffer): void {
    this.#intake.push(chunk)
  }

  ended(): void {
    this.#intake.ends()
  }

  /** XEP-0198 §5: a session that can be resumed goes on without a connection for a while. */
  gone(): void {
    if (this.#ending) return
    this.#parts.log.debug({ session: this.#handle?.jid }, 'connection lost')
    if (this.#management?.id === undefined) this.giveUp()
    else {
      this.#handle?.stream('broken')
      this.#leave(this.#management)
    }
  }

  /** XEP-0198 §5: a session that can be resumed may be so at another node, which fetches it from here. */
  leave(error: StreamError): void {
    const management = this.#management
    if (this.#handle === undefined || management?.id === undefined) this.close(error)
    else if (!this.deaf) {
      this.#handle.stream('broken')
      this.#leave(management)
      // Without a place to go to it looks like any broken connection: the end of the stream might be taken for that of the session.
      const told = error.otherHost === undefined ? undefined : error
      this.#transport.abandon(told)
    }
  }

  get account(): JID {
    return this.#handle!.jid.bare
  }

  get away(): boolean {
    return this.#away
  }

  text(element: string): void {
    if (!this.#away) this.#transport.text(element)
  }

  cut(): void {
    this.#transport.destroy()
  }

  acknowledged(sent: readonly Unacknowledged[]): void {
    this.#handle?.acknowledged(sent)
  }

  giveUp(): void {
    if (this.#ending) return
    this.#ending = true
    this.#parts.background.run('unbind', this.#unbind(true))
  }

  async resume(stream: Stream, h: number, tell: Tell): Promise<boolean> {
    this.#management!.check(h)
    if (!(await this.#part())) return false
    this.#connect(stream, h, tell)
    return true
  }

  async release(node: string, number: number): Promise<{ jid: JID; state: HandedOver } | undefined> {
    if (!(await this.#part())) return undefined
    this.#ending = true
    const handle = this.#handle!
    await handle.move(node, number)
    return { jid: handle.jid, state: this.#management!.release() }
  }

  /** Goes on here with a session of another node. */
  continue(stream: Stream, h: number, id: string, { handle, state }: Fetched, tell: Tell): void {
    const { resumption, clock } = this.#parts
    const management = new Management(this, resumption, clock, id, state)
    this.#out.management = management
    this.#handle = handle
    this.#leave(management)
    this.#out.start()
    if (this.#closed !== undefined) this.#end(this.#closed)
    else {
      management.check(h)
      this.#connect(stream, h, tell)
    }
  }

  /**
   * Leaves its connection for another one, which may have it when all that the session has begun to handle is in its count (its client
   * would send the rest again): true unless it has ended meanwhile, or a later connection claims it.
   */
  async #part(): Promise<boolean> {
    const management = this.#management!
    this.#leave(management)
    // XEP-0198 §5: the former stream may be open yet, as far as we know.
    this.#transport.abandon(new StreamError('conflict', 'resumed by a new connection'))
    const claim = ++this.#claims
    await management.idle()
    return claim === this.#claims && !this.#ending
  }

  /** Goes on without a connection. */
  #leave(management: Management): void {
    this.#away = true
    management.leave()
    this.#out.activate()
  }

  #connect(stream: Stream, h: number, tell: Tell): void {
    this.#away = false
    this.#handle!.stream('open')
    this.#transport.change(stream, this)
    this.#intake.stream = stream
    const { jid } = this.#handle!
    this.#management!.wake(h, resumed => tell(resumed, jid))
    if (this.#transport.open) this.#intake.pump()
    else this.gone()
  }

  get deaf(): boolean {
    return this.#ending || this.#away
  }

  take(top: TopElement): Maybe<void> {
    if (top.ns !== NS.client && takeNonza(top, this, this.#out, this.#parts)) return
    const stanza = incoming(top, this.#handle!.jid, this)
    const turn = this.#management?.begin()
    if (stanza === undefined) return this.#finish(turn)
    const sampled = this.#metrics.received[stanza.kind].value++ % SAMPLE === 0
    const start = sampled ? this.#parts.clock.monotonic() : undefined
    const settled = this.#handle!.submit(stanza)
    return turn === undefined && start === undefined
      ? settled
      : then(settled, () => this.#finish(turn, start))
  }

  /** RFC 6120 §4.4: the client closes its stream, so we close ours. */
  closes(): void {
    this.#closing = true
    this.#handle?.stream('closed')
    this.#end()
  }

  /** RFC 6120 §4.4: this closes the stream, too; XEP-0198 §7: but without the end of its stream a managed session is unfinished. */
  inputEnds(): void {
    if (this.#management === undefined) this.#end()
    else this.#transport.destroy()
  }

  /** Ends the stream with what was thrown; what is no fault of the client is logged. */
  fail(error: unknown): void {
    if (!(error instanceof StreamError))
      this.#parts.log.error({ code: 'TIDINGS_SESSION_FAILED', err: error }, 'a session had to be closed')
    this.#end(error instanceof StreamError ? error : new StreamError('internal-server-error'))
  }

  /** A stanza of the client is handled: its turn in the count is over, and perhaps its time taken. */
  #finish(turn: Turn | undefined, start?: number): void {
    if (turn !== undefined) this.#management?.finish(turn)
    if (start !== undefined) this.#metrics.handled.since(start)
  }

  /** Closes our side of the stream (RFC 6120 §4.4, §4.9) when all that was accepted has settled, or after a while. */
  #end(error?: StreamError): void {
    if (this.#ending) return
    this.#ending = true
    this.#parts.log.debug({ session: this.#handle?.jid, condition: error?.condition }, 'stream closed')
    this.#transport.beginClosing()
    this.#parts.background.run(
      'close',
      then(this.#unbind(), () => this.#transport.close(error)),
    )
  }

  #unbind(lost?: boolean): Maybe<void> {
    const management = this.#management
    const left = management?.end(this.#closing)
    return attempt(
      () => then(this.#handle?.unbind(lost, left), () => management?.remember()),
      err => this.#parts.log.error({ code: 'TIDINGS_UNBIND_FAILED', err }, 'a session could not be unbound'),
    )
  }
}
