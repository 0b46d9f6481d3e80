import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock, Timer } from '../../core/clock.ts'
import { StanzaError } from '../../core/errors.ts'
import { Lane } from '../../core/lane.ts'
import { JID } from '../../xml/jid.ts'
import type { Catalogue } from './catalogue.ts'
import type { Command } from './command.ts'
import { Conversation, type PackedAnswers } from './conversation.ts'
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
  readonly command: Command
  readonly owner: JID
  timer: Timer
}

/** Whose home (a bare JID's text) has a session: that of the room for its commands, else that of whoever began it. */
function homeOf({ command, asker, owner }: Pick<Open, 'command' | 'asker' | 'owner'>): string {
  return (command.place === 'room' ? owner : asker).bare.toString()
}

/** The same as JSON. */
export interface PackedCommand extends Pick<Command, 'place' | 'node'> {
  readonly id: string
  readonly asker: string
  readonly owner: string
  readonly answers: PackedAnswers
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
  /** By whose home they are at: `homeOf`. */
  readonly #ofHomes = new Map<string, Set<Open>>()

  constructor(clock: Clock, limits: SessionLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Begins a session. Throws a StanzaError `resource-constraint` when the user has too many. */
  begin(command: Command, asker: JID, owner: JID): CommandSession {
    const open = this.#ofHomes.get(homeOf({ command, asker, owner })) ?? new Set()
    const own = [...open].filter(session => session.asker.bare.equals(asker.bare))
    if (own.length >= this.#limits.perUser)
      throw new StanzaError('resource-constraint', { text: 'finish or cancel your other commands first' })
    const [oldest] = this.#sessions.values()
    if (oldest !== undefined && this.#sessions.size >= MOST_SESSIONS) this.end(oldest)
    const id = this.#proven(randomBytes(ID_BYTES).toString('base64url'), command.node, asker)
    const conversation = new Conversation(command, asker, owner)
    return this.#open({ id, command, asker, owner, conversation, lane: new Lane() })
  }

  #open(parts: Omit<Open, 'timer'>): Open {
    const { id } = parts
    const session = { ...parts, timer: this.#timer(id) }
    this.#sessions.set(id, session)
    const home = homeOf(session)
    this.#ofHomes.set(home, (this.#ofHomes.get(home) ?? new Set()).add(session))
    return session
  }

  /** The sessions of a user that wait for him, for his next home. */
  pack(user: JID): readonly PackedCommand[] | undefined {
    const own = [...(this.#ofHomes.get(user.toString()) ?? [])].filter(
      ({ conversation }) => conversation.waits,
    )
    if (own.length === 0) return undefined
    return own.map(({ id, command: { place, node }, asker, owner, conversation }) => {
      const addresses = { asker: asker.toString(), owner: owner.toString() }
      return { id, place, node, ...addresses, answers: conversation.packed }
    })
  }

  /** The same, from his former home. */
  unpack(packed: readonly PackedCommand[], find: Catalogue['find']): void {
    for (const { id, place, node, answers, ...addresses } of packed) {
      const command = find(place, node)
      if (command === undefined) continue
      const [asker, owner] = [JID.parse(addresses.asker), JID.parse(addresses.owner)]
      const conversation = new Conversation(command, asker, owner, answers)
      const session = this.#open({ id, command, asker, owner, conversation, lane: new Lane() })
      // Nobody waits for this step: it was shown already. What comes next waits until it is reached again.
      Promise.resolve(session.lane.run(() => conversation.play())).catch(() => this.end(session))
    }
  }

  /** Rooms with commands that have been begun. */
  get rooms(): readonly string[] {
    const ofRooms = [...this.#sessions.values()].filter(({ command }) => command.place === 'room')
    return [...new Set(ofRooms.map(homeOf))]
  }

  /** The home of these users and rooms (bare JIDs' texts) is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const session of [...this.#sessions.values()]) if (which(homeOf(session))) this.end(session)
  }

  /** Finds the session that a client goes on with. Throws a StanzaError: XEP-0050 §4.4 `bad-sessionid`, `session-expired`. */
  find(id: string, { node }: Command, asker: JID): CommandSession {
    const session = this.#sessions.get(id)
    // One that was begun at a former home has another proof.
    const isTheirs = session?.asker.equals(asker) && session.command.node === node
    if (!isTheirs && !this.#isProven(id, node, asker))
      throw refusal('bad-sessionid', 'this command was not begun here by you')
    if (session === undefined || !isTheirs) throw sessionExpired()
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
  end({ id }: CommandSession): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    session.timer.cancel()
    this.#sessions.delete(id)
    const home = homeOf(session)
    const open = this.#ofHomes.get(home)
    open?.delete(session)
    if (open?.size === 0) this.#ofHomes.delete(home)
  }

  /** Ends the sessions of a resource that is gone. */
  endOf(asker: JID): void {
    for (const session of this.#ofHomes.get(asker.bare.toString()) ?? [])
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

  #isProven(id: string, node: string, asker: JID): boolean {
    const given = Buffer.from(id)
    const due = Buffer.from(this.#proven(id.slice(0, RANDOM_LENGTH), node, asker))
    return given.length === due.length && timingSafeEqual(given, due)
  }

  /** The id with this random part. */
  #proven(random: string, node: string, asker: JID): string {
    const mac = createHmac('sha256', this.#secret).update(`${random}\n${asker}\n${node}`).digest()
    return random + mac.subarray(0, ID_BYTES).toString('base64url')
  }
}
