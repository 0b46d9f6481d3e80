/** XEP-0045 §6, XEP-0045 §7.12: what rooms say of themselves to whoever asks; XEP-0486 §3.3: also that they have a picture. */
import { StanzaError } from '../../core/errors.ts'
import { get, type IqContext, type IqRegistration } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { type Element, xml } from '../../xml/element.ts'
import { type ResultFields, resultForm } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import commands, { commandNodes } from '../commands/index.ts'
import { othersInvite } from './config.ts'
import { inRoom, requireUnlocked } from './in-room.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Room } from './room.ts'
import { subjectOf } from './subject.ts'

/** XEP-0045 §7.12: at this node somebody learns the nick that is reserved for him. */
const OWN_NICK = 'x-roomuser-item'

/** What is claimed of service discovery at a room. */
export function discoveryClaims(parts: MucParts): IqRegistration[] {
  const answer = (tell: (room: Room, iq: IqContext) => Maybe<readonly Element[]>) => (iq: IqContext) =>
    inRoom(parts, iq.owner, async room => {
      requireUnlocked(room, iq.stanza.from)
      const { node } = iq.payload.attrs
      return xml('query', { xmlns: iq.payload.getNS(), node }, [...(await tell(room, iq))])
    })
  const catalogue = parts.host.find(commands)
  const nodes = catalogue && commandNodes('room', catalogue)
  /** XEP-0050 §2.2: commands, for those who may run them. */
  const ofCommands = async (
    room: Room,
    iq: IqContext,
    what: 'info' | 'items',
  ): Promise<readonly Element[]> => {
    const mayRun = isAtLeast(room.affiliation(iq.stanza.from), 'admin')
    const found = mayRun ? await nodes?.[what](iq, String(iq.payload.attrs.node)) : undefined
    if (found === undefined) throw new StanzaError('item-not-found')
    return found
  }
  const info = (room: Room, iq: IqContext): Maybe<readonly Element[]> => {
    const { payload, stanza } = iq
    const { node } = payload.attrs
    if (node === OWN_NICK) return ownNick(room, stanza.from)
    // XEP-0045 §18.1.1: "If a service does not discard any namespaces, it MUST return a <service-unavailable/> error".
    if (node === NS.roomTraffic) throw new StanzaError('service-unavailable')
    if (node !== undefined) return ofCommands(room, iq, 'info')
    return infoOf(parts, room, stanza.from)
  }
  const items = (room: Room, iq: IqContext): Maybe<readonly Element[]> => {
    if (iq.payload.attrs.node !== undefined) return ofCommands(room, iq, 'items')
    return itemsOf(room, iq.stanza.from)
  }
  return [
    get(NS.discoInfo, 'query', 'room', answer(info)),
    get(NS.discoItems, 'query', 'room', answer(items)),
  ]
}

/** Whether somebody belongs to the room: he is in it, or has a standing with it. */
function belongs(room: Room, who: JID): boolean {
  const affiliation = room.affiliation(who)
  return affiliation === 'none' ? room.occupantsOf(who).length > 0 : affiliation !== 'outcast'
}

/** XEP-0045 §6.4 */
function infoOf({ host }: MucParts, room: Room, who: JID): readonly Element[] {
  return [
    identity(nameOf(room)),
    ...[...host.features('room'), ...featuresOf(room)].map(feature => xml('feature', { var: feature })),
    resultForm(NS.roomInfo, { ...aboutRoom(room), ...(mayLook(room, who) && aboutTalk(room)) }),
  ]
}

function identity(name: string): Element {
  return xml('identity', { category: 'conference', type: 'text', name })
}

/** What a room is called, for people. */
export function nameOf({ config, jid }: Pick<Room, 'config' | 'jid'>): string {
  return config.name === '' ? jid.local : config.name
}

/** XEP-0045 §16.3 */
function featuresOf({ config }: Room): string[] {
  return [
    config.membersOnly ? 'muc_membersonly' : 'muc_open',
    config.moderated ? 'muc_moderated' : 'muc_unmoderated',
    config.whois === 'anyone' ? 'muc_nonanonymous' : 'muc_semianonymous',
    config.password === '' ? 'muc_unsecured' : 'muc_passwordprotected',
    config.persistent ? 'muc_persistent' : 'muc_temporary',
    config.public ? 'muc_public' : 'muc_hidden',
  ]
}

/** XEP-0045 §16.5.4: what whoever thinks of entering is to know. */
function aboutRoom({ config, avatar }: Room): ResultFields {
  const { name, description, language, changeSubject, history } = config
  return {
    ...(name !== '' && { 'muc#roomconfig_roomname': [name] }),
    ...(description !== '' && { 'muc#roominfo_description': [description] }),
    ...(language !== '' && { 'muc#roominfo_lang': [language] }),
    'muc#roomconfig_changesubject': [changeSubject ? '1' : '0'],
    'muc#roomconfig_allowinvites': [othersInvite(config) ? '1' : '0'],
    'muc#maxhistoryfetch': [String(history)],
    ...(config.pubsub !== '' && { 'muc#roomconfig_pubsub': [config.pubsub] }),
    // XEP-0486 §4: "A room SHOULD NOT include a 'muc#roominfo_avatarhash' field if it doesn't have an avatar set."
    ...(avatar.length > 0 && { 'muc#roominfo_avatarhash': avatar }),
  }
}

/** What is said of those who are there: not to strangers, where they could not enter and see it. */
function mayLook(room: Room, who: JID): boolean {
  const { public: isPublic, membersOnly, password } = room.config
  if (room.affiliation(who) === 'outcast') return false
  return (isPublic && !membersOnly && password === '') || belongs(room, who)
}

function aboutTalk(room: Room): ResultFields {
  const subject = subjectOf(room)
  const owners = [...room.affiliates].filter(([, { affiliation }]) => affiliation === 'owner')
  return {
    'muc#roominfo_occupants': [String(room.size)],
    ...(subject !== '' && { 'muc#roominfo_subject': [subject] }),
    // Addresses are for those who would see them in the room.
    ...(room.config.whois === 'anyone' && { 'muc#roominfo_contactjid': owners.map(([jid]) => jid) }),
  }
}

/** XEP-0045 §6.5: "Implementations and deployments are advised to turn off such information sharing by default": for those who belong there. */
function itemsOf(room: Room, who: JID): readonly Element[] {
  if (!belongs(room, who)) return []
  return [...room.occupants].map(occupant => xml('item', { jid: room.addressOf(occupant).toString() }))
}

/** XEP-0045 §7.12: "the room MUST return a service discovery <query/> element that is empty" where there is none. */
function ownNick(room: Room, who: JID): readonly Element[] {
  const nick = room.affiliates.get(who.bare.toString())?.nick
  return nick === undefined ? [] : [identity(nick)]
}
