/** What the authors of extensions write against: an extension, what it registers, and the events it hears. */
import type { Element } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { IqRegistration, NewStreamRegistration, Place } from './claim.ts'
import type { HomeTaskHandlers, NodeTaskHandlers } from './home-tasks.ts'
import type { Host } from './host.ts'
import type { HttpRoute } from './http-route.ts'
import type { Maybe } from './maybe.ts'
import type { Options, OptionValues } from './options.ts'
import type { Portable } from './portable.ts'
import type { SentMessage } from './recollection.ts'
import type { Session } from './session.ts'
import type { PresenceRegistration, StageRegistration } from './stage.ts'
import type { Unacknowledged } from './unacknowledged.ts'

export {
  get,
  type IqAnswer,
  type IqContext,
  type IqRegistration,
  type NewStream,
  type Place,
  set,
} from './claim.ts'
export { SIDES, type StageContext, stage } from './stage.ts'

/** What an extension does on streams before sign-in; where TLS has to come first, after it. */
export interface BeforeSignIn {
  /** Stream features (RFC 6120 §4.3.2) offered with the SASL mechanisms; made anew when options have changed (`Host.revision`). */
  readonly features?: () => readonly Element[]
  /** Requests that are answered. */
  readonly iq?: readonly NewStreamRegistration[]
}

/**
 * What happens, beside stanzas. Extended by declaration merging. Handlers run in the owner's lane, in load order,
 * each waited for; one that fails is logged and the next runs.
 */
export interface Events {
  /** A session is bound; it is not available yet. */
  'session:bound': { session: Session }
  /** A session is gone; `session.presence` still holds what it was. */
  'session:closed': { session: Session }
  /** A session broadcast presence (no `to`, available or unavailable), already applied to `session`. RFC 6121 §4.2 to §4.5. */
  'session:presence': { session: Session; presence: Stanza; before: PresenceBefore }
  /**
   * A session has come from another home, with its flags. `catchingUp`: what its user has not got after `session.handed` is to be handed to
   * it, as a former home was about to. `recovered`: that one has died; what it had taken for the session and not handed on is lost.
   */
  'session:arrived': { session: Session; catchingUp: boolean; recovered: boolean }
  /**
   * An archived message (`number`: its `Append.id`) waits for a user: the session that it was sent to has ended and had not acknowledged it,
   * and no other one has it.
   */
  notify: { owner: JID; message: Stanza; number: bigint }
  /**
   * The client of this session of the host has acknowledged what was sent to it (XEP-0198 §4), oldest first; nothing yet, when it says
   * that it will. Unlike the others, this runs where the connection is, at any node and in no lane; nobody waits for it.
   */
  'delivery:acknowledged': { jid: JID; sent: readonly Unacknowledged[] }
  /** An account is removed; its sessions are closed. */
  'user:removed': { owner: JID }
}

/** The state of a session before a presence was applied. */
export interface PresenceBefore {
  readonly available: boolean
  readonly reachable: boolean
}

type EventHandlers = { readonly [E in keyof Events]?: (event: Events[E]) => Maybe<void> }

/** What an extension keeps in memory of owners whose home is this node. (Of sessions: `SessionFlag`.) */
export interface Moving {
  /** Owners (bare JIDs' texts) of whom it knows something that is to travel also when they have no sessions. */
  readonly owners?: () => Iterable<string>
  /** What the next home is to know of an owner, as JSON; undefined for nothing. */
  readonly pack?: (owner: JID) => unknown
  /** The same at the next home, before its sessions arrive. */
  readonly unpack?: (owner: JID, packed: unknown) => void
  /** The home of these owners (bare JIDs' texts) is another node, or has been: nothing of them is to be remembered. */
  readonly forget?: (which: (owner: string) => boolean) => void
}

/** What an extension adds to its host; the host can take all of it back. */
export interface Registrations<Provided> {
  readonly iq?: readonly IqRegistration[]
  readonly stages?: readonly StageRegistration[]
  readonly presence?: readonly PresenceRegistration[]
  readonly on?: EventHandlers
  /** What an account has sent since then (ms since 1970), as far as this extension keeps it: to know what is sent again after a restart. */
  readonly sent?: (account: JID, since: number) => Promise<readonly SentMessage[]>
  /** What it does at the home of an owner whichever node asks for it. */
  readonly atHome?: HomeTaskHandlers
  /** What it does at each node when one of them asks for it. */
  readonly atEach?: NodeTaskHandlers
  readonly moving?: Moving
  readonly beforeSignIn?: BeforeSignIn
  readonly binding?: readonly BindingRegistration[]
  /** Stream features after sign-in that hold more than their name; made anew when options have changed (`Host.revision`). */
  readonly streamFeatures?: () => readonly Element[]
  /** Routes of the HTTP server. */
  readonly http?: readonly HttpRoute[]
  /** What other extensions get from `host.use(thisExtension)`. */
  readonly provides?: Provided
  /** All nodes are about to end, and this one is the last: those who are connected still are, and hear of it. */
  readonly closing?: () => Maybe<void>
  readonly stop?: () => Maybe<void>
}

/** What an extension does for sessions that are bound by XEP-0386, as they are bound: in the owner's lane, nothing comes in between. */
export interface BindingRegistration {
  /**
   * The child of `<bind/>` that asks for it: name and namespace. It is announced by that namespace. Without it, it is done for whoever is
   * bound so.
   */
  readonly asked?: readonly [name: string, namespace: string]
  /** What it returns goes into `<bound/>`. What it throws is logged: the session is bound all the same. */
  readonly handler: (session: Session) => Maybe<Element | undefined>
}

/** How much of a XEP is there: DOAP's words. */
export type XepStatus = 'complete' | 'partial'

/** One XEP an extension implements. */
export interface XepClaim {
  readonly xep: number
  /** The version of the XEP that was read. */
  readonly version: string
  readonly status: XepStatus
  readonly note?: string
}

/** A XEP or a capability: what it is, its options, its handlers. The static parts are data that generators read. */
export interface Extension<O extends Options = Options, Provided = unknown> {
  /** Its key under `extensions:` in the configuration, kebab-case. */
  readonly name: string
  /** One line for the reference: what it gives. */
  readonly doc: string
  /** Off unless the configuration names it. */
  readonly optIn?: boolean
  readonly xeps?: readonly XepClaim[]
  /** Sections of RFCs it implements, for the index. */
  readonly rfcs?: readonly string[]
  /** Announced as stream features after sign-in (RFC 6120 §4.3.2): name and namespace. */
  readonly streamFeatures?: readonly (readonly [name: string, namespace: string])[]
  /** Disco features by place. */
  readonly features?: { readonly [P in Place]?: readonly string[] }
  readonly options?: O
  /** What it keeps of a user in the form of XEP-0227; also for extensions that are off. */
  readonly portable?: readonly Portable[]
  /** Extensions that must be loaded, before this one. */
  readonly requires?: readonly Providing<unknown>[]
  /** Likewise extensions that it only adds to: where one of these is off it is off, too, unless the configuration names it. */
  readonly follows?: readonly Providing<unknown>[]
  setup(host: Host, options: OptionValues<O>): Registrations<Provided>
}

/** Any extension that provides `P`, whatever its options are. */
export interface Providing<P> {
  readonly name: string
  setup(host: Host, options: never): Registrations<P>
}

/** Defines an extension; gives its options and what it provides their types. */
export function defineExtension<const O extends Options, Provided = undefined>(
  definition: Extension<O, Provided>,
): Extension<O, Provided> {
  return definition
}
