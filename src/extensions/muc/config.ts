/** XEP-0045 §10.1: how a room is configured. */

/** Who gets the real addresses of occupants: XEP-0045 §4.2, `muc#roomconfig_whois`. */
export type Whois = 'moderators' | 'anyone'

/** Who may send private messages: `muc#roomconfig_allowpm`. */
export type PrivateMessages = 'anyone' | 'participants' | 'moderators' | 'none'

/** The roles of those who are in a room. */
export type PresentRole = 'moderator' | 'participant' | 'visitor'

/** What the owners of a room have decided: XEP-0045 §16.5.3. Stored as JSON. */
export interface RoomConfig {
  readonly name: string
  readonly description: string
  /** `xml:lang` of the room; '' where nobody has said it. */
  readonly language: string
  /** Whether it stays when its last occupant leaves. */
  readonly persistent: boolean
  /** Whether it is to be found by service discovery. */
  readonly public: boolean
  readonly membersOnly: boolean
  readonly moderated: boolean
  /** '' for none. */
  readonly password: string
  readonly whois: Whois
  /** Most occupants (nicks). */
  readonly maxUsers: number
  /** Whether participants may change the subject, and not moderators alone. */
  readonly changeSubject: boolean
  /** Whether any occupant may invite, and not admins alone, to a members-only room. */
  readonly allowInvites: boolean
  readonly privateMessages: PrivateMessages
  /** Whether visitors may ask for voice. */
  readonly voiceRequests: boolean
  /** Whether messages are kept in the room's archive. */
  readonly archived: boolean
  /** Messages that somebody gets who joins and asks for no particular history. */
  readonly history: number
  /** What members may read in the archive: all of it, or what came since they were added. */
  readonly readable: 'all' | 'since-joined'
  /** A group: its members are those whom messages are for, whether they have joined or not (docs/protocol/groups.md). */
  readonly group: boolean
  /** Whether messages go to affiliated users who have not entered and are mentioned in them: XEP-0452 §3.1. */
  readonly forwardMentions: boolean
  /** Whether those who may not enter can ask to become members: XEP-0045 §7.10. */
  readonly joining: 'closed' | 'request'
  /** Who adds members to a group, and invites to it. */
  readonly adders: 'admins' | 'members'
  /** Roles whose presence is told to others: `muc#roomconfig_presencebroadcast`. */
  readonly presence: readonly PresentRole[]
  /** Roles that may get the list of members, besides those who may anyway: `muc#roomconfig_getmemberlist`. */
  readonly memberList: readonly PresentRole[]
  /** The URI of a node of a publish-subscribe service that belongs to it; '' for none: `muc#roomconfig_pubsub`. */
  readonly pubsub: string
}

/** Whether others than admins may invite: by that they add members, where a room is for members only. */
export function othersInvite({ group, adders, allowInvites }: RoomConfig): boolean {
  return allowInvites && (!group || adders === 'members')
}

/** A room that somebody makes by entering it, as it is at first: XEP-0045 §10.1.2. */
export const DEFAULT_CONFIG: RoomConfig = {
  name: '',
  description: '',
  language: '',
  persistent: false,
  public: true,
  membersOnly: false,
  moderated: false,
  password: '',
  whois: 'moderators',
  maxUsers: 1_000,
  changeSubject: false,
  allowInvites: true,
  privateMessages: 'anyone',
  voiceRequests: true,
  archived: true,
  history: 20,
  readable: 'all',
  group: false,
  forwardMentions: false,
  joining: 'closed',
  adders: 'admins',
  presence: ['moderator', 'participant', 'visitor'],
  memberList: [],
  pubsub: '',
}
