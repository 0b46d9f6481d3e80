/** XEP-0045 §16.5.3: the form by which owners configure a room. */
import { StanzaError } from '../../core/errors.ts'
import type { Element } from '../../xml/element.ts'
import { blankForm, type FormField, field, type SubmittedValues } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { PresentRole, RoomConfig } from './config.ts'
import type { RoomLimits } from './parts.ts'
import type { Affiliation } from './privileges.ts'
import type { Room } from './room.ts'

/** Most that is shown of history. */
const MOST_HISTORY = 500

/** One field: how it is shown, with its present value, and what it changes. */
interface Setting {
  readonly field: FormField<unknown>
  /** What these values change. Throws the StanzaError `not-acceptable`. */
  readonly take: (values: readonly string[]) => Partial<RoomConfig>
}

function setting<T>(field: FormField<T>, apply: (value: T) => Partial<RoomConfig>): Setting {
  return { field, take: values => apply(accepted(field, values)) }
}

/** What is submitted. */
export interface Submitted {
  readonly config: RoomConfig
  /** Full lists, where they are among it. */
  readonly owners?: readonly JID[]
  readonly admins?: readonly JID[]
}

const OWNERS = 'muc#roomconfig_roomowners'
const ADMINS = 'muc#roomconfig_roomadmins'
const PROTECTED = 'muc#roomconfig_passwordprotectedroom'
const SECRET = 'muc#roomconfig_roomsecret'

function text(label: string, value: string, apply: (value: string) => Partial<RoomConfig>): Setting {
  return setting({ ...field.text({ label }), value }, apply)
}

function yesNo<K extends keyof RoomConfig>(label: string, config: RoomConfig, key: K): Setting {
  return setting(field.boolean({ label, value: config[key] === true }), value => ({ [key]: value }))
}

/** A whole number in bounds. */
function number(
  shown: Omit<FormField<number>, 'required' | 'read' | 'value'>,
  [value, least, most]: readonly [number, number, number],
  apply: (value: number) => Partial<RoomConfig>,
): Setting {
  const read = ([given = '']: readonly string[]): number | undefined => {
    const wanted = /^\d{1,9}$/.test(given) ? Number(given) : undefined
    return wanted === undefined || wanted < least || wanted > most ? undefined : wanted
  }
  return setting({ ...shown, required: false, value: String(value), read }, apply)
}

function choice<C extends string>(
  label: string,
  options: Readonly<Record<C, string>>,
  value: C,
  apply: (value: C) => Partial<RoomConfig>,
): Setting {
  return setting({ ...field.choice<C>({ label, options, value }), required: false }, apply)
}

/** XEP-0045 §10.1.3, `list-multi`: some of the roles. */
function roles(
  label: string,
  value: readonly PresentRole[],
  apply: (value: readonly PresentRole[]) => Partial<RoomConfig>,
): Setting {
  const options = { moderator: 'Moderators', participant: 'Participants', visitor: 'Visitors' }
  return setting(field.choices<PresentRole>({ label, options, value }), given =>
    apply(ROLES.filter(role => given.includes(role))),
  )
}

const ROLES: readonly PresentRole[] = ['moderator', 'participant', 'visitor']

/** How many occupants can be chosen, besides the present number: XEP-0045 §10.1.3, `list-single`. */
const SIZES = [10, 20, 50, 100, 256, 500, 1_000, 2_000, 5_000, 10_000] as const

function maxUsers({ maxUsers }: RoomConfig, most: number): Setting {
  const sizes = [...new Set([...SIZES.filter(size => size <= most), Math.min(maxUsers, most), most])]
  const options = Object.fromEntries(
    sizes.sort((one, other) => one - other).map(size => [size, String(size)]),
  )
  const label = 'Maximum number of occupants'
  return number({ type: 'list-single', label, options }, [Math.min(maxUsers, most), 1, most], value => ({
    maxUsers: value,
  }))
}

/** The fields of the registry that are supported, and our own, by name. */
function fieldsOf(config: RoomConfig, most: number): Record<string, Setting> {
  return {
    'tidings:groups#group': yesNo(
      'Private group: for members only, who see each others\u2019 addresses, whether they are online or not',
      config,
      'group',
    ),
    'muc#roomconfig_roomname': text('Name', config.name, name => ({ name })),
    'muc#roomconfig_roomdesc': text('Description', config.description, description => ({ description })),
    'muc#roomconfig_lang': text('Language', config.language, language => ({ language })),
    'muc#roomconfig_persistentroom': yesNo('Stays when the last occupant leaves', config, 'persistent'),
    'muc#roomconfig_publicroom': yesNo('Can be found by everybody', config, 'public'),
    'muc#roomconfig_membersonly': yesNo('For members only', config, 'membersOnly'),
    'muc#roomconfig_allowinvites': yesNo('Occupants may invite others', config, 'allowInvites'),
    'muc#roomconfig_moderatedroom': yesNo('Only those with voice may speak', config, 'moderated'),
    'muc#roomconfig_allowvoicerequests': yesNo('Visitors may ask for voice', config, 'voiceRequests'),
    'muc#roomconfig_forwardmentions': yesNo(
      'Forward messages to members who have not entered and are mentioned in them',
      config,
      'forwardMentions',
    ),
    'muc#roomconfig_changesubject': yesNo('Occupants may change the subject', config, 'changeSubject'),
    'muc#roomconfig_whois': choice(
      'Who sees real addresses',
      { moderators: 'Moderators', anyone: 'Everybody' },
      config.whois,
      whois => ({ whois }),
    ),
    'muc#roomconfig_allowpm': choice(
      'Who may send private messages',
      { anyone: 'Everybody', participants: 'Those with voice', moderators: 'Moderators', none: 'Nobody' },
      config.privateMessages,
      privateMessages => ({ privateMessages }),
    ),
    'muc#roomconfig_maxusers': maxUsers(config, most),
    'muc#roomconfig_enablelogging': yesNo('Messages are kept in the archive of the room', config, 'archived'),
    'muc#maxhistoryfetch': number(
      { type: 'text-single', label: 'Messages that are shown to those who enter' },
      [config.history, 0, MOST_HISTORY],
      history => ({ history }),
    ),
    'muc#roomconfig_presencebroadcast': roles(
      'Roles whose presence is told to others',
      config.presence,
      presence => ({ presence }),
    ),
    'muc#roomconfig_getmemberlist': roles(
      'Roles that may get the list of members, besides admins',
      config.memberList,
      memberList => ({ memberList }),
    ),
    'muc#roomconfig_pubsub': text('Node of a publish-subscribe service', config.pubsub, pubsub => ({
      pubsub,
    })),
    'tidings:groups#join': choice(
      'Who may ask to become a member',
      { closed: 'Nobody', request: 'Everybody; admins answer' },
      config.joining,
      joining => ({ joining }),
    ),
    'tidings:groups#add': choice(
      'Who may add members to a group',
      { admins: 'Admins', members: 'All members' },
      config.adders,
      adders => ({ adders }),
    ),
    'tidings:groups#history': choice(
      'What members may read in the archive',
      { all: 'Everything', 'since-joined': 'What came since they were added' },
      config.readable,
      readable => ({ readable }),
    ),
  }
}

function affiliated(room: Room, wanted: Affiliation): string[] {
  return [...room.affiliates].filter(([, { affiliation }]) => affiliation === wanted).map(([jid]) => jid)
}

/** XEP-0045 §10.2: the form "with the current options set as defaults". `most`: occupants that a room may have. */
export function configForm(room: Room, most: number): Element {
  const { config } = room
  const fields = Object.entries(fieldsOf(config, most)).map(([name, { field }]) => [name, field] as const)
  const secret = { ...field.secret({ label: 'Password' }), value: config.password }
  return blankForm({
    formType: NS.roomConfig,
    title: `Configuration of ${config.name === '' ? room.jid.local : config.name}`,
    fields: {
      ...Object.fromEntries(fields),
      [PROTECTED]: field.boolean({ label: 'A password is needed', value: config.password !== '' }),
      [SECRET]: secret,
      [ADMINS]: field.addressList({ label: 'Admins', value: affiliated(room, 'admin') }),
      [OWNERS]: field.addressList({ label: 'Owners', value: affiliated(room, 'owner') }),
    },
  })
}

/** What was submitted; fields that are left out stay as they are. Throws the StanzaError `not-acceptable`. */
export function submitted(
  config: RoomConfig,
  values: SubmittedValues,
  { occupants: most, group }: RoomLimits,
): Submitted {
  let changed = config
  for (const [name, { take }] of Object.entries(fieldsOf(config, most))) {
    const given = values.get(name)
    if (given !== undefined) changed = { ...changed, ...take(given) }
  }
  const owners = values.get(OWNERS)
  const admins = values.get(ADMINS)
  const list = field.addressList({ label: 'Addresses', value: [] })
  return {
    config: preset({ ...changed, password: passwordIn(config, values) }, group),
    ...(owners !== undefined && { owners: accepted(list, owners) }),
    ...(admins !== undefined && { admins: accepted(list, admins) }),
  }
}

function accepted<T>({ label, read }: FormField<T>, values: readonly string[]): T {
  const value = read(values)
  // XEP-0045 §10.1.3: "If the room creation fails because the specified room configuration options violate one or more service policies".
  if (value === undefined) throw new StanzaError('not-acceptable', { text: `${label}: this cannot be taken` })
  return value
}

function passwordIn({ password }: RoomConfig, values: SubmittedValues): string {
  const [secret = password] = values.get(SECRET) ?? []
  const wanted = values.get(PROTECTED)
  if (wanted === undefined) return secret
  if (!accepted(field.boolean({ label: 'A password is needed' }), wanted)) return ''
  // XEP-0045 §10.1.3: "(e.g., because the password for a password-protected room is blank)".
  if (secret === '') throw new StanzaError('not-acceptable', { text: 'the password is empty' })
  return secret
}

/** What being a group means: docs/protocol/groups.md. */
function preset(config: RoomConfig, most: number): RoomConfig {
  if (!config.group) return config
  return {
    ...config,
    membersOnly: true,
    whois: 'anyone',
    persistent: true,
    public: false,
    presence: ROLES,
    moderated: false,
    maxUsers: Math.min(config.maxUsers, most),
  }
}
