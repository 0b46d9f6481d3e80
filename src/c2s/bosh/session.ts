import type { Clock } from '../../core/clock.ts'
import type { StreamError } from '../../xml/stream-error.ts'
import type { Messages } from '../connection.ts'
import type { SocketOwner } from '../socket-owner.ts'
import { type BodyAttributes, type Condition, conditionOf, printBody } from './answer.ts'
import { Answers } from './answers.ts'
import { KeySequence } from './keys.ts'
import { Pace } from './pace.ts'
import { Payloads } from './payloads.ts'
import type { Reply } from './reply.ts'
import { type BoshRequest, frames } from './request.ts'
import type { SessionTerms } from './terms.ts'
import { Watch } from './watch.ts'

/** A request and where its answer goes; another reply where the client has repeated it. */
interface Exchange {
  readonly request: BoshRequest
  reply: Reply
  /** When it came: monotonic, milliseconds. */
  readonly since: number
}

/** What a session is made of. */
export interface BoshSessionParts {
  readonly sid: string
  readonly terms: SessionTerms
  readonly clock: Clock
  /** Told once, when the session is over. */
  readonly forget: (session: BoshSession) => void
}

/** A session of XEP-0124: requests in their order become frames of a stream, what the stream writes becomes answers. */
export class BoshSession implements Messages {
  /** What its connection writes to. */
  readonly payloads: Payloads
  readonly #parts: BoshSessionParts
  readonly #answers: Answers
  readonly #pace: Pace
  readonly #keys: KeySequence
  #owner: SocketOwner | undefined
  /** XEP-0124 §14.2: the last request that was taken, as all before it. */
  #taken: number
  /** Requests that came before their turn, by id. */
  readonly #early = new Map<number, Exchange>()
  /** Requests without an answer, in their order. */
  readonly #held: Exchange[] = []
  /** Attributes for the first answer. */
  #greeting: BodyAttributes | undefined
  #report: BodyAttributes | undefined
  #paused = false
  /** A request is being handed on; what it brings comes before the next one. */
  #serving = false
  /** How long the client may be silent, in milliseconds. */
  #inactivity: number
  readonly #watch: Watch
  #state: 'open' | 'ending' | 'over' = 'open'
  #error: StreamError | undefined
  /** The client has ended the session. */
  #terminating = false

  constructor(first: BoshRequest, parts: BoshSessionParts) {
    const { terms } = parts
    this.#parts = parts
    this.payloads = new Payloads(
      () => this.#settle(),
      () => this.#close('remote-connection-failed'),
    )
    this.#watch = new Watch(parts.clock, {
      held: () => {
        this.#answer(this.#held.shift()!)
        this.#settle()
      },
      silent: () => this.#close('item-not-found'),
    })
    this.#answers = new Answers(terms.requests)
    this.#pace = new Pace(terms)
    this.#keys = new KeySequence(first)
    this.#taken = first.rid - 1
    this.#greeting = terms.greeting(parts.sid)
    this.#inactivity = terms.inactivity
  }

  get sid(): string {
    return this.#parts.sid
  }

  /** Takes a request of this session, and answers it in its turn. */
  take(request: BoshRequest, reply: Reply): void {
    const { rid } = request
    const { terms, clock } = this.#parts
    reply.lost = () => this.#settle()
    if (rid <= this.#taken || this.#early.has(rid)) return void this.#repeat(request, reply)
    const since = clock.monotonic()
    const exchange = { request, reply, since }
    this.#early.set(rid, exchange)
    const window = terms.requests + (request.terminate || request.pause !== undefined ? 1 : 0)
    // XEP-0124 §14.2: it is the same error for whoever guesses.
    if (rid > this.#taken + window) return void this.#close('item-not-found')
    if (!this.#pace.allows(request, this.#held.length + this.#early.size, since))
      return void this.#close('policy-violation')
    this.#proceed()
  }

  read(owner: SocketOwner): void {
    this.#owner = owner
    this.#proceed()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#proceed()
  }

  /** XEP-0124 §13, §17.2: the next answer says that the session is over. */
  end(error: StreamError | undefined): void {
    this.#error = error
    this.#state = 'ending'
    this.#settle()
  }

  /** Takes the requests whose turn it is. */
  #proceed(): void {
    if (this.#serving) return
    while (this.#state !== 'over' && this.#owner !== undefined && !this.#paused) {
      const exchange = this.#early.get(this.#taken + 1)
      if (exchange === undefined) break
      this.#early.delete(++this.#taken)
      this.#held.push(exchange)
      const { request } = exchange
      // XEP-0124 §15.4
      if (!(request.sid === undefined || this.#keys.accept(request)))
        return void this.#close('item-not-found')
      if (this.#state === 'open') this.#serve(request, this.#owner)
    }
    this.#settle()
  }

  #serve(request: BoshRequest, owner: SocketOwner): void {
    const { terms, clock } = this.#parts
    // XEP-0124 §10: back to normal with the next request.
    this.#inactivity = terms.inactivity
    if (terms.acknowledges) this.#report = this.#answers.acknowledge(request, clock.monotonic())
    this.#terminating = request.terminate
    this.#serving = true
    for (const frame of frames(request, terms.to)) owner.socketReceived(frame)
    this.#serving = false
    // XEP-0124 §10: all are answered at once; what waits to be sent waits on.
    if (request.pause === undefined || request.pause > terms.maxPause || this.#state !== 'open') return
    while (this.#held.length > 0) this.#answer(this.#held.shift()!)
    this.#inactivity = request.pause * 1000
  }

  /** XEP-0124 §14.3: a request that was here before. */
  #repeat(request: BoshRequest, reply: Reply): void {
    const { rid, key } = request
    const waiting = this.#early.get(rid) ?? this.#held.find(one => one.request.rid === rid)
    const answer = this.#answers.get(rid)
    if (!this.#pace.allowsRepeat()) return void this.#close('policy-violation', reply)
    if (waiting !== undefined && waiting.request.key === key) {
      waiting.reply.lost = undefined
      this.#send(waiting.reply, printBody({ type: 'error' }))
      waiting.reply = reply
      this.#settle()
    } else if (answer !== undefined && answer.key === key) this.#send(reply, answer.body)
    else this.#close('item-not-found', reply)
  }

  /** Answers what need not wait any longer, and sees to it that the rest will not wait for ever. */
  #settle(): void {
    if (this.#state === 'over') return
    if (this.#state === 'ending') return void this.#sayGoodbye()
    while (this.#isDue()) this.#answer(this.#held.shift()!, this.payloads.waiting)
    this.#watchOver()
  }

  #isDue(): boolean {
    // XEP-0124 §13: all are kept for the end of the session.
    if (this.#held.length === 0 || this.#terminating) return false
    // XEP-0124 §8: no more are kept waiting than the client wants.
    if (this.#held.length > this.#parts.terms.holds) return true
    return (this.payloads.waiting || this.#report !== undefined) && this.#isHeard()
  }

  /** Whether there is a request whose answer would reach the client. */
  #isHeard(): boolean {
    return this.#held.some(({ reply }) => reply.open)
  }

  /** Answers a request that is not held any more; `full`: with what there is. */
  #answer({ request: { rid, key }, reply }: Exchange, full = false): void {
    const payload = full && reply.open ? this.payloads.collect() : undefined
    const body = printBody({ ...this.#greeting, ...this.#report, ack: this.#ackFor(rid) }, payload)
    this.#greeting = undefined
    this.#report = undefined
    this.#pace.answered = payload !== undefined
    this.#answers.add(rid, { body, key, at: this.#parts.clock.monotonic() })
    this.#send(reply, body)
  }

  /** XEP-0124 §9.1: the highest request that is here, unless it is the one that is answered. */
  #ackFor(rid: number): number | undefined {
    if (!this.#parts.terms.acknowledges) return undefined
    return this.#greeting !== undefined || this.#taken !== rid ? this.#taken : undefined
  }

  /** XEP-0124 §13: the oldest request is told that the session is over, the others get nothing. */
  #sayGoodbye(): void {
    const told = this.#held.find(({ reply }) => reply.open)
    // Some request will come, or time is up.
    if (told === undefined) return void this.#watchOver()
    const condition = this.#error && conditionOf(this.#error)
    this.#send(told.reply, printBody({ type: 'terminate', condition }, this.payloads.collect()))
    this.#close()
  }

  /** Ends the session at once. Whoever waits is told why, or nothing at all. */
  #close(condition?: Condition, late?: Reply): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#watch.stop()
    const { terms, forget } = this.#parts
    const open = [...this.#held, ...this.#early.values()].map(({ reply }) => reply)
    for (const reply of late === undefined ? open : [late, ...open]) {
      reply.lost = undefined
      if (condition === undefined) this.#send(reply, printBody())
      else reply.refuse(condition, terms.legacy, terms.content)
    }
    this.#held.length = 0
    this.#early.clear()
    forget(this)
    this.payloads.destroy()
  }

  #send(reply: Reply, body: Buffer): void {
    reply.send(body, this.#parts.terms.content)
  }

  #watchOver(): void {
    const { wait } = this.#parts.terms
    if (this.#isHeard()) this.#watch.hold(this.#held[0]!.since + wait)
    else this.#watch.wait(this.#inactivity)
  }
}
