import { randomUUID } from 'node:crypto'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import { StanzaError } from './errors.ts'
import type { Homes, Owner } from './homes.ts'
import type { Host } from './host.ts'
import { attempt, type Maybe, then } from './maybe.ts'
import { Session, type SessionPort } from './session.ts'

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

/** A wish to be bound, as it reaches the owner's home. */
export interface BindRequest {
  readonly account: JID
  /** What the client asked for; absent: the server makes one up (RFC 6120 §7.6). */
  readonly resource?: string
  /** The node that holds the connection. */
  readonly node: string
  readonly port: SessionPort
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
  bind(host: Host, request: BindRequest): Maybe<Session> {
    return this.#homes.inLane(request.account, owner =>
      then(isThere(host, request.account), exists => {
        // RFC 6120 §7.6.2.2: the account was removed after its client had signed in. Nobody would close this session any more.
        if (!exists) throw new StanzaError('not-allowed', { text: 'there is no such account any more' })
        owner.forgotten = false
        return this.#bind(owner, host, request)
      }),
    )
  }

  #bind(owner: Owner, host: Host, request: BindRequest): Maybe<Session> {
    const jid = request.account.withResource(request.resource || madeUp())
    const rival = owner.session(jid.resource)
    return then(this.#yields(rival), replaced => {
      // RFC 6120 §7.6.2.1: the account has reached its number of connected resources. A replaced session makes room for its heir.
      if (owner.sessions.length - (replaced ? 1 : 0) >= this.policy.sessionsPerAccount)
        throw new StanzaError('resource-constraint', { text: 'too many sessions of this account' })
      if (rival === undefined) return add(owner, host, jid, request)
      // RFC 6120 §7.7.2.2: the three ways to treat a resource that is connected.
      if (!replaced) {
        if (this.policy.conflict === 'refuse')
          throw new StanzaError('conflict', { text: 'this resource is connected' })
        return add(owner, host, jid.bare.withResource(madeUp()), request)
      }
      rival.port.close(new StreamError('conflict', 'replaced by a new connection'))
      return then(remove(owner, host, rival), () => add(owner, host, jid, request))
    })
  }

  /**
   * Whether a session makes room for a newer one of the same resource. RFC 6120 §7.7.2.2 speaks of one that is connected: one without a
   * connection, which may be resumed (XEP-0198 §5), does so whatever the policy. This is its client, which comes back and can't resume it.
   */
  #yields(rival: Session | undefined): Maybe<boolean> {
    if (rival === undefined) return false
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
    return then(idle, () => this.#homes.inLane(session.jid, end))
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

function add(owner: Owner, host: Host, jid: JID, request: BindRequest): Maybe<Session> {
  const session = new Session(jid, request.node, request.port, host.clock.now())
  session.earlier = host.resends.before(owner)
  owner.sessions.push(session)
  return then(host.hooks.emit('session:bound', { session }), () => session)
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
function madeUp(): string {
  const uuid = randomUUID()
  return Buffer.from(uuid.slice(0, 6) + uuid.slice(24), 'hex').toString('base64url')
}
