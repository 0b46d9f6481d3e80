import type { Counter, Histogram, Metrics } from '../core/metrics.ts'
import type { Stanza } from '../xml/stanza.ts'

type ByKind = Readonly<Record<Stanza['kind'], Counter>>

/** What client sessions count. */
export interface SessionMetrics {
  readonly received: ByKind
  readonly sent: ByKind
  /** From reading a stanza to its being handled; of some stanzas only. */
  readonly handled: Histogram
}

/** Declares what client sessions count. */
export function sessionMetrics(metrics: Metrics): SessionMetrics {
  const byKind = (direction: string): ByKind => {
    const counter = (kind: string): Counter =>
      metrics.counter('tidings_stanzas_total', 'Stanzas of clients', { direction, kind })
    return { message: counter('message'), presence: counter('presence'), iq: counter('iq') }
  }
  return {
    received: byKind('received'),
    sent: byKind('sent'),
    handled: metrics.histogram(
      'tidings_delivery_seconds',
      'From reading a stanza of a client until it is handled, stored where it must be; one in eight of a kind is timed',
    ),
  }
}
