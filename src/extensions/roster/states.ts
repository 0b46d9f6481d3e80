/** RFC 6121 Appendix A: the states of a presence subscription, and what stanzas make of them. */

/** What a subscription stanza asks for or grants: RFC 6121 §3. */
export type SubscriptionType = 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed'

/** Who gets whose presence, as a roster item says it: RFC 6121 §2.1.2.5. */
export type Subscription = 'none' | 'to' | 'from' | 'both'

/** RFC 6121 Appendix A.1; `out`: the user has asked the contact, `in`: the contact has asked the user. */
export type State =
  | 'none'
  | 'none+out'
  | 'none+in'
  | 'none+out+in'
  | 'to'
  | 'to+in'
  | 'from'
  | 'from+out'
  | 'both'

/** What a stanza does in a state. */
export interface Transition {
  /** Whether it goes on: routed to the contact, or delivered to the user. */
  readonly passes: boolean
  readonly next: State
}

/** What a stanza of each type does in each state. */
export type TransitionTable = Readonly<Record<SubscriptionType, Readonly<Record<State, Transition>>>>

type Row = Readonly<Record<State, Transition>>

/** Passes, and leads to the next state. */
const to = (next: State): Transition => ({ passes: true, next })
/** Does not pass, and changes nothing. */
const stop = (next: State): Transition => ({ passes: false, next })

/** RFC 6121 Appendix A.2: what the user sends; a row for each state, in the order of the RFC. */
export const OUTBOUND: TransitionTable = {
  subscribe: {
    none: to('none+out'),
    'none+out': to('none+out'),
    'none+in': to('none+out+in'),
    'none+out+in': to('none+out+in'),
    to: to('to'),
    'to+in': to('to+in'),
    from: to('from+out'),
    'from+out': to('from+out'),
    both: to('both'),
  } satisfies Row,
  unsubscribe: {
    none: to('none'),
    'none+out': to('none'),
    'none+in': to('none+in'),
    'none+out+in': to('none+in'),
    to: to('none'),
    'to+in': to('none+in'),
    from: to('from'),
    'from+out': to('from'),
    both: to('from'),
  } satisfies Row,
  subscribed: {
    none: stop('none'),
    'none+out': stop('none+out'),
    'none+in': to('from'),
    'none+out+in': to('from+out'),
    to: stop('to'),
    'to+in': to('both'),
    from: stop('from'),
    'from+out': stop('from+out'),
    both: stop('both'),
  } satisfies Row,
  unsubscribed: {
    none: stop('none'),
    'none+out': stop('none+out'),
    'none+in': to('none'),
    'none+out+in': to('none+out'),
    to: stop('to'),
    'to+in': to('to'),
    from: to('none'),
    'from+out': to('none+out'),
    both: to('to'),
  } satisfies Row,
}

/** RFC 6121 Appendix A.3: what the contact sends. */
export const INBOUND: TransitionTable = {
  subscribe: {
    none: to('none+in'),
    'none+out': to('none+out+in'),
    'none+in': stop('none+in'),
    'none+out+in': stop('none+out+in'),
    to: to('to+in'),
    'to+in': stop('to+in'),
    from: stop('from'),
    'from+out': stop('from+out'),
    both: stop('both'),
  } satisfies Row,
  unsubscribe: {
    none: stop('none'),
    'none+out': stop('none+out'),
    'none+in': to('none'),
    'none+out+in': to('none+out'),
    to: stop('to'),
    'to+in': to('to'),
    from: to('none'),
    'from+out': to('none+out'),
    both: to('to'),
  } satisfies Row,
  subscribed: {
    none: stop('none'),
    'none+out': to('to'),
    'none+in': stop('none+in'),
    'none+out+in': to('to+in'),
    to: stop('to'),
    'to+in': stop('to+in'),
    from: stop('from'),
    'from+out': to('both'),
    both: stop('both'),
  } satisfies Row,
  unsubscribed: {
    none: stop('none'),
    'none+out': to('none'),
    'none+in': stop('none+in'),
    'none+out+in': to('none+in'),
    to: to('none'),
    'to+in': to('none+in'),
    from: stop('from'),
    'from+out': to('from'),
    both: to('from'),
  } satisfies Row,
}

interface Meaning {
  readonly subscription: Subscription
  readonly asks: boolean
  readonly asked: boolean
}

const MEANINGS: Readonly<Record<State, Meaning>> = {
  none: { subscription: 'none', asks: false, asked: false },
  'none+out': { subscription: 'none', asks: true, asked: false },
  'none+in': { subscription: 'none', asks: false, asked: true },
  'none+out+in': { subscription: 'none', asks: true, asked: true },
  to: { subscription: 'to', asks: false, asked: false },
  'to+in': { subscription: 'to', asks: false, asked: true },
  from: { subscription: 'from', asks: false, asked: false },
  'from+out': { subscription: 'from', asks: true, asked: false },
  both: { subscription: 'both', asks: false, asked: false },
}

/** What a roster item says of a state. */
export function subscriptionOf(state: State): Subscription {
  return MEANINGS[state].subscription
}

/** Pending out: the user has asked and has no answer. */
export function asks(state: State): boolean {
  return MEANINGS[state].asks
}

/** Pending in: the contact has asked and has no answer. */
export function isAsked(state: State): boolean {
  return MEANINGS[state].asked
}

/** Whether the contact gets the user's presence. */
export function sends(state: State): boolean {
  return subscriptionSends(MEANINGS[state].subscription)
}

/** The same of what a roster item says. */
export function subscriptionSends(subscription: Subscription): boolean {
  return subscription === 'from' || subscription === 'both'
}

/** Whether the user gets the contact's presence. */
export function receives(state: State): boolean {
  const { subscription } = MEANINGS[state]
  return subscription === 'to' || subscription === 'both'
}
