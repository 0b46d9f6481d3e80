/** XEP-0352: Client State Indication: what waits while nobody looks at a client. */
import { holdsOnlyChatState, isOnlyChatState } from '../core/chat-states.ts'
import type { Clock } from '../core/clock.ts'
import { isNotification } from '../core/presence.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'

/** A stanza for the client; `number` as in `SessionPort`. */
export interface Outgoing {
  readonly stanza: Stanza
  readonly number: number
}

interface Held extends Outgoing {
  /** Monotonic ms; undefined for what does not get stale. */
  readonly stale: number | undefined
}

/** More than so many stanzas, or bytes of them, do not wait. */
const MOST = 500
const MOST_BYTES = 256 * 1024
/** XEP-0085 §5.1: whoever composes and then does nothing for 30 seconds has paused. */
const STALE_MS = 30_000

/** The state that a client says it is in; undefined for what says something else. */
export function stateOf(top: TopElement): 'active' | 'inactive' | undefined {
  if (top.ns !== NS.clientState) return undefined
  return top.name === 'active' || top.name === 'inactive' ? top.name : undefined
}

/**
 * An inactive client: it is not woken for presence and chat states. Of presence the latest of each resource waits, likewise of chat states,
 * until they are stale. Nothing else ever waits; but what its sender has sent before goes first (RFC 6120 §10.1).
 */
export class Inactivity {
  readonly #clock: Clock
  /** By what the next of the same kind and sender replaces, in the order they came. */
  readonly #held = new Map<string, Held>()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What is to be sent now that this stanza has come, in this order; nothing if it waits. */
  take(stanza: Stanza, number: number): readonly Outgoing[] {
    const key = keyOf(stanza)
    if (key === undefined)
      return [...this.#pick(held => held.from.bare.equals(stanza.from.bare)), { stanza, number }]
    this.#remove(key)
    const stale = stanza.kind === 'message' ? this.#clock.monotonic() + STALE_MS : undefined
    // What is held is held for long.
    this.#held.set(key, { stanza: stanza.compact(), number, stale })
    this.#bytes += stanza.size
    return this.#held.size > MOST || this.#bytes > MOST_BYTES ? this.end() : []
  }

  /** The client is active again: what has waited and is not stale. */
  end(): readonly Outgoing[] {
    return this.#pick(() => true)
  }

  #pick(which: (stanza: Stanza) => boolean): Outgoing[] {
    const picked: Outgoing[] = []
    const now = this.#clock.monotonic()
    for (const [key, held] of this.#held) {
      if (!which(held.stanza)) continue
      this.#remove(key)
      if (held.stale === undefined || held.stale > now) picked.push(held)
    }
    return picked
  }

  #remove(key: string): void {
    this.#bytes -= this.#held.get(key)?.stanza.size ?? 0
    this.#held.delete(key)
  }
}

/** Undefined for a stanza that does not wait; else what it has in common with those that it replaces. */
function keyOf(stanza: Stanza): string | undefined {
  const { kind, from, to } = stanza
  if (isNotification(stanza)) return `presence ${from} ${to}`
  // RFC 6121 §4: presence of other types asks for something, or answers.
  if (kind !== 'message') return undefined
  if (isOnlyChatState(stanza)) return `state ${from} ${to}`
  // XEP-0280: the same as another client of the user has sent or received it.
  const copy = stanza.child('sent', NS.carbons) ?? stanza.child('received', NS.carbons)
  const inner = copy?.getChild('forwarded', NS.forward)?.getChild('message', NS.client)
  return inner !== undefined && holdsOnlyChatState(inner)
    ? `copy ${inner.attrs.from} ${inner.attrs.to}`
    : undefined
}
