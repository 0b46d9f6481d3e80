import { randomUUID } from 'node:crypto'
import type { Element } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import { StanzaError } from './errors.ts'
import type { Homes, Owner } from './homes.ts'
import type { Host } from './host.ts'
import { attempt, eachInOrder, isPromise, type Maybe, then } from './maybe.ts'
import { Session, type SessionHandle, type SessionPort } from './session.ts'

/** What happens when a resource is bound that is already connected: RFC 6120 §7.7.2.2. */
export type ConflictPolicy = 'replace' | 'refuse' | 'rename'

/** Rules for binding. */
export interface BindPolicy {
  readonly conflict: ConflictPolicy
  /** Most sessions of one account; Infinity for no limit. */
  readonly sessionsPerAccount: number
  /** How long a session whose connection is gone waits for its client, in seconds. */
  readonly resumeSeconds: number
}

/** What a client wants to be bound with. */
export interface BindWish {
  /** What the client asked for; undefined: the server makes one up (RFC 6120 §7.6). */
  readonly resource?: string | undefined
  /** See `Session.device`. */
  readonly device?: string | undefined
  /** `<bind/>` of XEP-0386: what is to be done for the session as it is bound. Older sessions of the same device end. */
  readonly inline?: Element | undefined
}

/** A wish to be bound, as it reaches the owner's home. */
export interface BindRequest extends BindWish {
  readonly account: JID
  /** The node that holds the connection. */
  readonly node: string
  readonly port: SessionPort
  /** See `Session.number`. */
  readonly number?: number
}

/** What came of it, for the connection. */
export interface BoundHandle {
  readonly handle: SessionHandle
  /** `<bound/>` of XEP-0386, where that was asked for; it has no parent. */
  readonly inline: Element | undefined
}

/** What came of it, at the home. */
interface Bound extends Pick<BoundHandle, 'inline'> {
  readonly session: Session
}

/** The sessions whose home is this node: how they come, change and go. Everything runs in the owner's lane. */
export class Sessions {
  readonly #homes: Homes
  /** For those who come from now on. */
  policy: BindPolicy

  constructor(homes: Homes, policy: BindPolicy) {
    this.#homes = homes
    this.policy = policy
  }

  /** Binds a session. Throws or rejects with the StanzaError of RFC 6120 §7.6.2 or §7.7.2. */
  bind(host: Host, request: BindRequest): Maybe<Bound> {
    return this.#homes.inLane(request.account, owner =>
      then(isThere(host, request.account), exists => {
        // RFC 6120 §7.6.2.2: the account was removed after its client had signed in. Nobody would close this session any more.
        if (!exists) throw new StanzaError('not-allowed', { text: 'there is no such account any more' })
        owner.forgotten = false
        return this.#bind(owner, host, request)
      }),
    )
  }

  #bind(owner: Owner, host: Host, request: BindRequest): Maybe<Bound> {
    const jid = request.account.withResource(request.resource || madeUpResource())
    const older = request.inline === undefined ? NONE : ofDevice(owner, request.device)
    const rival = owner.session(jid.resource)
    const contested = rival !== undefined && !older.includes(rival)
    return then(contested && this.#yields(rival), yields => {
      const replaced = yields && rival !== undefined ? [...older, rival] : older
      // RFC 6120 §7.6.2.1: the account has reached its number of connected resources. A replaced session makes room for its heir.
      if (owner.sessions.length - replaced.length >= this.policy.sessionsPerAccount)
        throw new StanzaError('resource-constraint', { text: 'too many sessions of this account' })
      // RFC 6120 §7.7.2.2: the three ways to treat a resource that is connected.
      if (contested && !yields && this.policy.conflict === 'refuse')
        throw new StanzaError('conflict', { text: 'this resource is connected' })
      const own = contested && !yields ? jid.bare.withResource(madeUpResource()) : jid
      if (replaced.length === 0) return add(owner, host, own, request)
      for (const { port } of replaced) port.close(new StreamError('conflict', 'replaced by a new connection'))
      const gone = eachInOrder(replaced, session => then(remove(owner, host, session), () => undefined))
      return then(gone, () => add(owner, host, own, request))
    })
  }

  /**
   * Whether a session makes room for a newer one of the same resource. RFC 6120 §7.7.2.2 speaks of one that is connected: one without a
   * connection, which may be resumed (XEP-0198 §5), does so whatever the policy. This is its client, which comes back and can't resume it.
   */
  #yields(rival: Session): Maybe<boolean> {
    return this.policy.conflict === 'replace' || rival.lost || (rival.port.hibernates?.() ?? false)
  }

  /**
   * Ends a session, after all it sent has settled; one whose connection is `lost` receives nothing meanwhile. Harmless when it has ended
   * already. `last` comes next, before anything else reaches the owner.
   */
  unbind(host: Host, session: Session, lost: boolean, last: (owner: Owner) => Maybe<void>): Maybe<void> {
    if (lost) session.lose()
    const idle = then(session.preparing.idle(), () => session.settling.idle())
    const end = (owner: Owner) => then(remove(owner, host, session), () => last(owner))
    if (!isPromise(idle)) return this.#homes.inLane(session.jid, end)
    session.ending = true
    return idle.then(() => {
      session.ending = false
      return this.#homes.inLane(session.jid, end)
    })
  }

  /** Applies presence without `to` to the session that sent it and tells the extensions: RFC 6121 §4.2, §4.4, §4.5. */
  broadcast(host: Host, session: Session, presence: Stanza): Maybe<void> {
    // RFC 6121 §4.2, §4.5: nothing else is broadcast. A presence error (no guard has seen it) would make the session available.
    if (presence.type !== undefined && presence.type !== 'unavailable') return
    return this.#homes.inLane(session.jid, owner => {
      // It was replaced, or its account removed, while this waited: its end has been announced.
      if (!owner.sessions.includes(session)) return
      const before = { available: session.available, reachable: session.reachable }
      const available = presence.type !== 'unavailable'
      session.priority = available ? priorityOf(presence) : 0
      session.presence = available ? presence.compact() : undefined
      if (!before.reachable) session.reachableSince = owner.messages
      session.changed?.()
      return host.hooks.emit('session:presence', { session, presence, before })
    })
  }

  /** Closes all sessions of an account that is no more and forgets whatever is stored for it. */
  forget(host: Host, account: JID): Maybe<void> {
    return this.#homes.inLane(account, async owner => {
      owner.forgotten = true
      for (const session of [...owner.sessions]) {
        session.port.close(new StreamError('not-authorized', 'the account was removed'))
        await remove(owner, host, session)
      }
      host.resends.forget(account)
      await host.hooks.emit('user:removed', { owner: account })
      await host.storage.forget(account)
    })
  }
}

/** Whether it still is an account. A storage that fails is no reason to end the stream: the client may try again. */
function isThere(host: Host, account: JID): Maybe<boolean> {
  return attempt(
    () => host.accounts.exists(account),
    err => {
      host.log.error({ code: 'TIDINGS_SIGN_IN_FAILED', err }, 'a resource could not be bound')
      throw new StanzaError('internal-server-error', { type: 'wait', text: 'try again' })
    },
  )
}

/** XEP-0386 §3.2: earlier sessions of the same client end when it is bound anew. */
function ofDevice(owner: Owner, device: string | undefined): readonly Session[] {
  return device === undefined ? NONE : owner.sessions.filter(session => session.device === device)
}

const NONE: readonly Session[] = []

function add(owner: Owner, host: Host, jid: JID, request: BindRequest): Maybe<Bound> {
  const { node, port, number = 0, device, inline } = request
  const session = new Session(jid, node, port, host.clock.now(), device)
  session.number = number
  session.earlier = host.resends.before(owner)
  owner.sessions.push(session)
  return then(host.hooks.emit('session:bound', { session }), () =>
    then(inline && host.hooks.bindInline(session, inline), bound => ({ session, inline: bound })),
  )
}

function remove(owner: Owner, host: Host, session: Session): Maybe<void> {
  const index = owner.sessions.indexOf(session)
  if (index < 0) return
  owner.sessions.splice(index, 1)
  session.ended = true
  host.resends.ended(session)
  return host.hooks.emit('session:closed', { session })
}

/** RFC 6121 §4.7.2.3: an integer from -128 to 127; absent means 0. */
function priorityOf(presence: Stanza): number {
  const text = presence.child('priority', 'jabber:client')?.getText().trim()
  if (text === undefined) return 0
  const value = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= -128 && value <= 127))
    throw new StanzaError('bad-request', { text: 'priority is no integer from -128 to 127' })
  return value
}

/**
 * RFC 6120 §7.6: a resource made up by the server. Unguessable, since knowing it lets strangers address the session: 72 random bits
 * of a UUID, the cheapest way to get them.
 */
export function madeUpResource(): string {
  const uuid = randomUUID()
  return Buffer.from(uuid.slice(0, 6) + uuid.slice(24), 'hex').toString('base64url')
}
