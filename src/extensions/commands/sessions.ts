import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock, Timer } from '../../core/clock.ts'
import { StanzaError } from '../../core/errors.ts'
import { Lane } from '../../core/lane.ts'
import type { JID } from '../../xml/jid.ts'
import type { Command } from './command.ts'
import { Conversation } from './conversation.ts'
import { refusal, sessionExpired } from './errors.ts'

/** Sessions of all users together; with one more the oldest ends. */
const MOST_SESSIONS = 2_000
/** Bytes of the random part of an id, and of the part that proves it. */
const ID_BYTES = 12
/** Characters of the random part. */
const RANDOM_LENGTH = (ID_BYTES / 3) * 4

/** A command that is being executed: XEP-0050 §3.3. */
export interface CommandSession {
  readonly id: string
  /** Full address of the one who began it; nobody else can go on. */
  readonly asker: JID
  readonly conversation: Conversation
  /** A client may send the next step before the last one is answered. */
  readonly lane: Lane
}

/** Bounds of sessions. */
export interface SessionLimits {
  readonly perUser: number
  /** How long one waits for its user, in milliseconds. */
  readonly patience: number
}

interface Open extends CommandSession {
  timer: Timer
}

/**
 * The sessions of one host at this node, in memory. An id proves by itself that it was given to this user for this command, so ids that
 * have ended can be told from made-up ones although nothing is kept of them.
 */
export class CommandSessions {
  readonly #clock: Clock
  readonly #limits: SessionLimits
  readonly #secret = randomBytes(32)
  /** By id; whoever was heard last stands last. */
  readonly #sessions = new Map<string, Open>()
  /** By bare address. */
  readonly #ofUsers = new Map<string, Set<Open>>()

  constructor(clock: Clock, limits: SessionLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Begins a session. Throws a StanzaError `resource-constraint` when the user has too many. */
  begin(command: Command, asker: JID, owner: JID): CommandSession {
    const own = this.#ofUsers.get(asker.bare.toString()) ?? new Set()
    if (own.size >= this.#limits.perUser)
      throw new StanzaError('resource-constraint', { text: 'finish or cancel your other commands first' })
    const [oldest] = this.#sessions.values()
    if (oldest !== undefined && this.#sessions.size >= MOST_SESSIONS) this.end(oldest)
    const id = this.#proven(randomBytes(ID_BYTES).toString('base64url'), command.node, asker)
    const conversation = new Conversation(command, asker, owner)
    const session: Open = { id, asker, conversation, lane: new Lane(), timer: this.#timer(id) }
    this.#sessions.set(id, session)
    this.#ofUsers.set(asker.bare.toString(), own.add(session))
    return session
  }

  /** Finds the session that a client goes on with. Throws a StanzaError: XEP-0050 §4.4 `bad-sessionid`, `session-expired`. */
  find(id: string, { node }: Command, asker: JID): CommandSession {
    const given = Buffer.from(id)
    const due = Buffer.from(this.#proven(id.slice(0, RANDOM_LENGTH), node, asker))
    if (given.length !== due.length || !timingSafeEqual(given, due))
      throw refusal('bad-sessionid', 'this command was not begun here by you')
    const session = this.#sessions.get(id)
    if (session === undefined) throw sessionExpired()
    session.timer.cancel()
    session.timer = this.#timer(id)
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    return session
  }

  /** Whether a session has not ended. */
  has({ id }: CommandSession): boolean {
    return this.#sessions.has(id)
  }

  /** Ends a session; harmless when it has ended. */
  end({ id, asker }: CommandSession): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    session.timer.cancel()
    this.#sessions.delete(id)
    const user = asker.bare.toString()
    const own = this.#ofUsers.get(user)
    own?.delete(session)
    if (own?.size === 0) this.#ofUsers.delete(user)
  }

  /** Ends the sessions of a resource that is gone. */
  endOf(asker: JID): void {
    for (const session of this.#ofUsers.get(asker.bare.toString()) ?? [])
      if (session.asker.equals(asker)) this.end(session)
  }

  /** Ends all. */
  stop(): void {
    for (const session of this.#sessions.values()) this.end(session)
  }

  #timer(id: string): Timer {
    return this.#clock.after(this.#limits.patience, () => {
      const session = this.#sessions.get(id)
      if (session !== undefined) this.end(session)
    })
  }

  /** The id with this random part. */
  #proven(random: string, node: string, asker: JID): string {
    const mac = createHmac('sha256', this.#secret).update(`${random}\n${asker}\n${node}`).digest()
    return random + mac.subarray(0, ID_BYTES).toString('base64url')
  }
}
