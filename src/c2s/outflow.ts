import type { Clock } from '../core/clock.ts'
import type { Maybe } from '../core/maybe.ts'
import type { Stanza } from '../xml/stanza.ts'
import { Inactivity, type Outgoing } from './client-state.ts'
import type { Management } from './management.ts'
import type { SessionMetrics } from './metrics.ts'

/** What puts stanzas on the wire. */
interface Transmitter {
  transmit(stanza: Stanza): void
}

/**
 * Hop 6 of a message (ARCHITECTURE §7): what goes to a client, in order. Kept until its session has begun, held while it is inactive,
 * counted where its stream is managed.
 */
export class Outflow {
  /** XEP-0198, once the client has enabled that. */
  management: Management | undefined
  readonly #session: Transmitter
  readonly #sent: SessionMetrics['sent']
  readonly #clock: Clock
  #started = false
  /** What was sent before the client knows that its session has begun. */
  #early: Outgoing[] | undefined
  /** Somebody waits for that. */
  #starting: PromiseWithResolvers<void> | undefined
  /** XEP-0352, while the client says that it is inactive. */
  #inactivity: Inactivity | undefined

  constructor(session: Transmitter, { sent }: SessionMetrics, clock: Clock) {
    this.#session = session
    this.#sent = sent
    this.#clock = clock
  }

  /** Takes a stanza for the client; `number` as in `SessionPort`. */
  send(stanza: Stanza, number: number): void {
    if (!this.#started) this.#early = [...(this.#early ?? []), { stanza, number }]
    else if (this.#inactivity === undefined) this.#pass(stanza, number)
    else this.#passAll(this.#inactivity.take(stanza, number))
  }

  /** What was sent before now goes to the client. */
  start(): void {
    const early = this.#early ?? []
    this.#started = true
    this.#early = undefined
    this.#passAll(early)
    this.#starting?.resolve()
  }

  /** Resolves when `start()` has been called. */
  started(): Maybe<void> {
    if (this.#started) return
    this.#starting ??= Promise.withResolvers<void>()
    return this.#starting.promise
  }

  /** XEP-0352 §4.2: the client is inactive. */
  deactivate(): void {
    this.#inactivity ??= new Inactivity(this.#clock)
  }

  /** XEP-0352 §4.2, §5.2: the client is active, or its stream is over: the next one begins in this state. */
  activate(): void {
    const held = this.#inactivity?.end()
    this.#inactivity = undefined
    if (held !== undefined) this.#passAll(held)
  }

  #passAll(all: readonly Outgoing[]): void {
    for (const { stanza, number } of all) this.#pass(stanza, number)
  }

  #pass(stanza: Stanza, number: number): void {
    this.#sent[stanza.kind].value++
    if (this.management === undefined) this.#session.transmit(stanza)
    else this.management.send(stanza, number)
  }
}
