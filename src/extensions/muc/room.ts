import { Lane } from '../../core/lane.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import type { RoomConfig } from './config.ts'
import type { Occupant } from './occupant.ts'
import type { Affiliation, Role } from './privileges.ts'

/** What the room knows of somebody who has a standing with it. Stored as JSON. */
export interface Affiliate {
  readonly affiliation: Exclude<Affiliation, 'none'>
  /** The nick that is reserved for him: XEP-0045 §7.10. */
  readonly nick?: string | undefined
  /** Why he was banned, say. */
  readonly reason?: string | undefined
  /** When he came to be one, ms since 1970: where the history of a room is for members since then. */
  readonly since: number
  /** Until when he is not to be told of messages while he is not there, ms since 1970. */
  readonly muted?: number | undefined
}

/** Somebody who has asked to become a member: XEP-0045 §7.10. Stored as JSON. */
export interface JoinRequest {
  /** What was filled in, by name of field. */
  readonly values: Readonly<Record<string, string>>
  /** When, ms since 1970. */
  readonly time: number
}

/** A link by which others become members. Stored as JSON. */
export interface InviteLink {
  /** SHA-256 of its token, as base64. */
  readonly hash: string
  /** Bare JID of the admin who made it. */
  readonly by: string
  /** Until when it is good, ms since 1970. */
  readonly expires: number
  /** How many can still become members by it. */
  readonly uses: number
}

/** XEP-0045 §8.1 */
export interface Subject {
  /** The message (`type='groupchat'`) that set it, as it was reflected, packed as base64. */
  readonly message: string
  /** When, ms since 1970. */
  readonly time: number
}

/**
 * A room at its home, in memory: what is stored of it, and who is there. It only holds and answers; what happens to it is done by the other
 * files of this folder, always in the lane of the room (`Homes.inLane(room.jid, ...)`): stored first, then changed here, then told.
 */
export class Room {
  /** Bare JID. */
  readonly jid: JID
  config: RoomConfig
  subject: Subject | undefined
  /** XEP-0486: hashes of its pictures. */
  avatar: readonly string[]
  /** Its first owner has not said yet how it is to be: nobody else may enter (XEP-0045 §10.1.1). */
  locked: boolean
  /** When it was made, ms since 1970. */
  readonly created: number
  /** By bare JID. Those of affiliation `none` are not there. */
  readonly affiliates: Map<string, Affiliate>
  /** Roles, by bare JID, that users have when they enter again, where it is not what their affiliation gives. */
  readonly roles: Map<string, Role>
  /** By bare JID: who waits to become a member, in the order of the addresses until somebody asks, then as they ask. */
  readonly requests: Map<string, JoinRequest>
  /** Links by which one becomes a member, by id. */
  readonly links: Map<string, InviteLink>
  readonly #byNick = new Map<string, Occupant>()
  readonly #bySession = new Map<string, Occupant>()
  #audience: readonly JID[] | undefined
  /** When its former home was taken for dead, ms since 1970. */
  takenOver: number | undefined
  /** Told of each session (full JID) that has come, gone or got another nick. */
  watch: ((session: string) => void) | undefined
  /** Orders what it sends to its occupants, after what it waits for: see `tell`. */
  readonly #telling = new Lane()

  constructor(
    jid: JID,
    stored: {
      readonly config: RoomConfig
      readonly locked: boolean
      readonly created: number
      readonly subject: Subject | undefined
      readonly affiliates: Map<string, Affiliate>
      readonly avatar?: readonly string[]
      readonly roles: Map<string, Role>
      readonly requests?: Map<string, JoinRequest>
      readonly links?: Map<string, InviteLink>
    },
  ) {
    this.jid = jid
    this.config = stored.config
    this.locked = stored.locked
    this.created = stored.created
    this.subject = stored.subject
    this.affiliates = stored.affiliates
    this.avatar = stored.avatar ?? []
    this.roles = stored.roles
    this.requests = stored.requests ?? new Map()
    this.links = stored.links ?? new Map()
  }

  /** XEP-0045 §5.2; of an occupant, too, or any address of his. */
  affiliation(user: JID): Affiliation {
    const own = this.affiliates.get(user.bare.toString())
    // XEP-0045 §9.2: "<domain> (the domain itself matches, as does any user@domain)", after `<user@domain>`.
    return (own ?? this.affiliates.get(user.domain))?.affiliation ?? 'none'
  }

  /** All occupants, in the order they came. */
  get occupants(): Iterable<Occupant> {
    return this.#byNick.values()
  }

  /** How many nicks are taken. */
  get size(): number {
    return this.#byNick.size
  }

  /** Who has this nick. */
  withNick(nick: string): Occupant | undefined {
    return this.#byNick.get(nick)
  }

  /** Whose session this full JID is. */
  occupant(session: JID): Occupant | undefined {
    return this.#bySession.get(session.toString())
  }

  /** All occupants with a session of this user (any resource): more than one if he uses several nicks. Of a domain: all of its users. */
  occupantsOf(user: JID): readonly Occupant[] {
    return [...this.#byNick.values()].filter(occupant =>
      user.local === '' ? occupant.user.domain === user.domain : occupant.user.equals(user.bare),
    )
  }

  /** Whoever does something, if he is in the room: by this very session, or by another one of his. */
  actor(by: JID): Occupant | undefined {
    return this.occupant(by) ?? this.occupantsOf(by)[0]
  }

  /** The full JIDs of all sessions. Another array each time that somebody has come or gone, so what was begun before goes on with its own. */
  get audience(): readonly JID[] {
    this.#audience ??= this.sessionsOf(() => true)
    return this.#audience
  }

  /** The full JIDs of all sessions of some of the occupants. */
  sessionsOf(which: (occupant: Occupant) => boolean): JID[] {
    return [...this.occupants]
      .filter(which)
      .flatMap(({ sessions }) => [...sessions.values()].map(({ jid }) => jid))
  }

  /** The address of an occupant in the room. */
  addressOf(occupant: Pick<Occupant, 'nick'>): JID {
    return this.jid.withResource(occupant.nick)
  }

  /** Adds an occupant, or a session of one. */
  enter(
    occupant: Occupant,
    session: JID,
    presence: Occupant['sessions'] extends Map<string, infer S> ? S : never,
  ): void {
    this.#byNick.set(occupant.nick, occupant)
    occupant.sessions.set(session.toString(), presence)
    this.#bySession.set(session.toString(), occupant)
    this.#audience = undefined
    this.watch?.(session.toString())
  }

  /** A session is gone; with its last one, so is the occupant. */
  leave(occupant: Occupant, session: JID): void {
    occupant.sessions.delete(session.toString())
    this.#bySession.delete(session.toString())
    if (occupant.sessions.size === 0) this.#byNick.delete(occupant.nick)
    this.#audience = undefined
    this.watch?.(session.toString())
  }

  /** Gives an occupant another nick, which must be free. */
  rename(occupant: Occupant, nick: string): void {
    this.#byNick.delete(occupant.nick)
    occupant.nick = nick
    this.#byNick.set(nick, occupant)
    this.#audience = undefined
    for (const session of occupant.sessions.keys()) this.watch?.(session)
  }

  /** Others are told of an occupant, or are not. */
  hide(occupant: Occupant, hidden: boolean): void {
    occupant.hidden = hidden
    for (const session of occupant.sessions.keys()) this.watch?.(session)
  }

  /** Gives an occupant another role. */
  give(occupant: Occupant, role: Role): void {
    occupant.role = role
    for (const session of occupant.sessions.keys()) this.watch?.(session)
  }

  /**
   * Says something to occupants: behind all that was to be said before, be it that this waits for the storage. To be called in the room's
   * lane and not to be waited for there; settles when it is said.
   */
  tell(task: () => Maybe<void>): Maybe<void> {
    return this.#telling.run(task)
  }
}
