import { attempt, isPromise, type Maybe, then } from '../core/maybe.ts'
import type { Fetched } from '../core/remote-sessions.ts'
import type { SessionHandle, SessionPort } from '../core/session.ts'
import type { HandedOver, Unacknowledged } from '../core/unacknowledged.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import { stateOf } from './client-state.ts'
import type { Connection, Receiver } from './connection.ts'
import { incoming } from './incoming.ts'
import { Intake, type Taker } from './intake.ts'
import { type Managed, Management } from './management.ts'
import { enabled, failed, isManagement } from './management-elements.ts'
import type { SessionMetrics } from './metrics.ts'
import { Outflow } from './outflow.ts'
import { newId, type Tell } from './resumption.ts'
import type { SessionParts } from './session-parts.ts'
import type { Stream } from './stream.ts'
import type { Turn } from './stream-counters.ts'
import type { Wire } from './wire.ts'

/** One stanza of so many of its kind is timed: reading the clock costs 0.15 us, and this many say the same. A power of two. */
const SAMPLE = 8

/** Takes what comes from a connection that has no session any more. */
const NOBODY: Receiver = { received() {}, ended() {}, gone() {}, close() {} }

/** Nothing to say. */
const NOTHING = Buffer.alloc(0)

/** How a session begins, where its client has asked for more than that. */
export interface FirstState {
  /** XEP-0198 §9.1, with the SM-ID if it can be resumed. */
  readonly managed?: { readonly id: string | undefined } | undefined
  /** XEP-0352: its client is inactive. */
  readonly inactive?: boolean
}

/** A client's session: hops 2 and 6 of a message (ARCHITECTURE §7). Driven by what its connection receives and by the core. */
export class ClientSession implements Receiver, SessionPort, Managed, Taker {
  #connection: Connection
  #wire: Wire
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
    this.#connection = stream.connection
    this.#wire = stream.wire
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
    this.#connection.receiver = this
    for (const bytes of greeting) this.#connection.send(bytes)
    this.#handle = handle
    if (state.managed !== undefined && this.#connection.open) this.#enable(state.managed.id)
    if (state.inactive) this.#out.deactivate()
    this.#out.start()
    if (!this.#connection.open) this.gone()
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
    this.#connection.send(this.#wire.stanza(stanza))
  }

  flushed(): Maybe<boolean> {
    return this.#connection.drained()
  }

  /** Without acknowledgements nobody knows what became of what a client was sent that has gone. */
  #written(): Maybe<0 | undefined> {
    return then(this.#connection.drained(), taken => (taken && !this.#ending ? 0 : undefined))
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
      this.#abandon(told && this.#wire.end(told), told)
    }
  }

  /** What its connection still brings is nobody's; it ends after some last bytes. */
  #abandon(last: Buffer = NOTHING, error?: StreamError): void {
    this.#connection.receiver = NOBODY
    this.#connection.finish(last, error)
  }

  get account(): JID {
    return this.#handle!.jid.bare
  }

  get away(): boolean {
    return this.#away
  }

  text(element: string): void {
    if (!this.#away) this.#connection.send(this.#wire.text(element))
  }

  cut(): void {
    this.#connection.destroy()
  }

  acknowledged(sent: readonly Unacknowledged[]): void {
    this.#handle?.acknowledged(sent)
  }

  giveUp(): void {
    if (this.#ending) return
    this.#ending = true
    const unbound = this.#unbind(true)
    if (isPromise(unbound)) this.#parts.background.run('unbind', unbound)
  }

  async resume(stream: Stream, h: number, tell: Tell): Promise<boolean> {
    this.#management!.check(h)
    const claim = this.#part()
    await this.#management!.idle()
    if (!this.#holds(claim)) return false
    this.#connect(stream, h, tell)
    return true
  }

  async release(node: string, number: number): Promise<{ jid: JID; state: HandedOver } | undefined> {
    const management = this.#management!
    const claim = this.#part()
    await management.idle()
    if (!this.#holds(claim)) return undefined
    this.#ending = true
    const handle = this.#handle!
    await handle.move(node, number)
    return { jid: handle.jid, state: management.release() }
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

  /** Leaves its connection for another one, which has a claim on it from now on. */
  #part(): number {
    this.#leave(this.#management!)
    // XEP-0198 §5: the former stream may be open yet, as far as we know.
    const resumed = new StreamError('conflict', 'resumed by a new connection')
    this.#abandon(this.#wire.end(resumed), resumed)
    return ++this.#claims
  }

  /**
   * Whether a connection may have it that has waited until all that the session has begun to handle is in its count (its client would
   * send the rest again): unless it has ended meanwhile, or a later connection claims it.
   */
  #holds(claim: number): boolean {
    return claim === this.#claims && !this.#ending
  }

  /** Goes on without a connection. */
  #leave(management: Management): void {
    this.#away = true
    management.leave()
    this.#out.activate()
  }

  #connect(stream: Stream, h: number, tell: Tell): void {
    const { connection, wire } = stream
    this.#away = false
    this.#handle!.stream('open')
    this.#connection = connection
    this.#wire = wire
    this.#intake.stream = stream
    connection.receiver = this
    const { jid } = this.#handle!
    this.#management!.wake(h, resumed => tell(resumed, jid))
    if (connection.open) this.#intake.pump()
    else this.gone()
  }

  get deaf(): boolean {
    return this.#ending || this.#away
  }

  take(top: TopElement): Maybe<void> {
    if (top.ns !== NS.client && this.#takeOther(top)) return
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
    else this.#connection.destroy()
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

  /** Takes what is no stanza; false for what nobody understands. */
  #takeOther(top: TopElement): boolean {
    const state = stateOf(top)
    if (isManagement(top)) this.#manage(top)
    // XEP-0352 §5.1: in its turn, so what it brings comes before the answers to what the client sends next.
    else if (state === 'active') this.#out.activate()
    else if (state === 'inactive') this.#out.deactivate()
    else return false
    return true
  }

  /** XEP-0198 */
  #manage(top: TopElement): void {
    if (this.#management !== undefined) this.#management.take(top)
    else if (top.name === 'enable') {
      const { limits } = this.#parts.resumption
      const id = newId(top.attribute('resume'), limits)
      this.text(enabled(id, limits).toString())
      this.#enable(id)
    }
    // XEP-0198 §6: nothing has been enabled that could be asked for.
    else this.text(failed('unexpected-request').toString())
  }

  /** XEP-0198 §3 */
  #enable(id: string | undefined): void {
    const { resumption, clock } = this.#parts
    this.#out.management = new Management(this, resumption, clock, id)
    this.acknowledged([])
  }

  /** Closes our side of the stream (RFC 6120 §4.4, §4.9) when all that was accepted has settled, or after a while. */
  #end(error?: StreamError): void {
    if (this.#ending) return
    this.#ending = true
    this.#parts.log.debug({ session: this.#handle?.jid, condition: error?.condition }, 'stream closed')
    this.#connection.pause()
    this.#connection.limitClosing()
    const done = then(this.#unbind(), () => this.#connection.finish(this.#wire.end(error), error))
    if (isPromise(done)) this.#parts.background.run('close', done)
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
