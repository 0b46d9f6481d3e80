/** The stages of a path of a stanza, as extensions register them. */
import type { Write } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Maybe } from './maybe.ts'
import type { Session } from './session.ts'

/** Whose half of a stanza's path. */
export type Side = 'sender' | 'recipient'
/** Both: what comes from a component, or another server, has no sender's side here. */
export const SIDES: readonly Side[] = ['sender', 'recipient']
export type Kind = Stanza['kind']

/** Whose half of a stanza's path a stage runs for. */
export interface StageContext {
  /** Bare JID of the account this half belongs to. */
  readonly owner: JID
  readonly side: Side
  /** The sending session; only on the sender's side. */
  readonly session?: Session
  /** On the recipient's side: what the sender's stanzas come by, as an identity. Those that share it arrive in order. */
  readonly sender?: object
  /** Of what a room says: the session of the owner that gets it, and no other. */
  readonly told?: Session
  /** It is only asked whether the owner would let it through, as if it came from whoever is behind an occupant. */
  readonly asked?: true
}

/** What became of a delivery to an account. */
export interface Outcome {
  /** Sessions the stanza was handed to. */
  readonly sent: readonly Session[]
  /** Sessions that are catching up: they get it from whoever keeps it ('kept'), in its turn, or else at once. */
  readonly late: readonly Session[]
}

/**
 * The fixed points a stanza passes (ARCHITECTURE §5). What a stage may do is its return type.
 * guard: refuse (throw StanzaError) or drop. stamp: the only one that may change the stanza. record: what must be stored;
 * core commits it. copy: further copies, after the commit; `holders` are the owner's sessions that have it. outcome: after delivery; 'kept' says that it will reach its
 * recipient later, 'ignored' that it is not worth an answer: then it is no error that nobody was there.
 */
export interface Stages {
  guard(stanza: Stanza, at: StageContext): Maybe<'drop' | undefined>
  stamp(stanza: Stanza, at: StageContext): Stanza
  record(stanza: Stanza, at: StageContext): Maybe<readonly Write[]>
  copy(stanza: Stanza, at: StageContext, holders: readonly Session[]): void
  outcome(stanza: Stanza, at: StageContext, outcome: Outcome): Maybe<Verdict | undefined>
}

/** Why a message that reached nobody is not answered with an error. */
export type Verdict = 'kept' | 'ignored'

/** What a stage cares for, told in advance, so that a plain chat message runs only what concerns it. */
export interface Interest {
  readonly kind: Kind
  readonly side: Side
  /** Only stanzas with such a child: [name, namespace]. */
  readonly child?: readonly [name: string, namespace: string]
  /** A guard for errors, too. Those that answer the owner's own stanzas come from the server, without a `sender`: let them pass. */
  readonly errors?: true
}

/** One stage handler. Use `stage()` to make one. */
export type StageRegistration = {
  [S in keyof Stages]: { stage: S; interest: Interest; run: Stages[S] }
}[keyof Stages]

/** Registers a stage: `stage('guard', { kind: 'message', side: 'recipient' }, (stanza, at) => ...)`. */
export function stage<S extends keyof Stages>(
  name: S,
  interest: Interest,
  run: Stages[S],
): StageRegistration {
  return { stage: name, interest, run } as StageRegistration
}

/**
 * Takes over presence of one type, in the lane of its owner, after guard and stamp. What it returns is sent on its way, in that order.
 * On the sender's side the first of these that is refused answers the sender; on the recipient's side nothing else is delivered.
 */
export type PresenceHandler = (presence: Stanza, at: StageContext) => Maybe<readonly Stanza[]>

/** A claim on presence of a type (`subscribe`, `probe`): RFC 6121 §4.7.1. Available and unavailable presence can't be claimed. */
export interface PresenceRegistration {
  readonly type: string
  readonly side: Side
  /** Runs in the owner's lane. */
  readonly handler: PresenceHandler
  /** The same for the recipient, without his lane, where nothing is to be waited for or changed; undefined: the handler is to do it. */
  readonly atOnce?: (presence: Stanza, at: StageContext) => readonly Stanza[] | undefined
}
