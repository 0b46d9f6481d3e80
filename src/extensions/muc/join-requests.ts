/** XEP-0045 §7.10, XEP-0045 §9.9: asking to become a member of a room, and what its admins answer. */
import { randomUUID } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { type FormField, field, type SubmittedValues } from '../../xml/forms.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { tellLater } from './answering.ts'
import { approvalForm, filled, formIn, isGivenUp, isYes } from './approval.ts'
import { inviteInstead } from './invitations.ts'
import { requireFree } from './nicks.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { JoinRequest, Room } from './room.ts'
import { changeAffiliations } from './standing.ts'

export const NICK = 'muc#register_roomnick'
const ALLOW = 'muc#register_allow'
/** Whose request it is. The form of XEP-0045 §9.9 does not say it. */
const APPLICANT = 'tidings:groups#applicant'

const HOUR = 3_600_000
/** How often somebody may ask a room in an hour. */
const ASKS = 10
/** Longest answer to a question, in characters. */
const LONGEST = 1_000

function line(label: string): FormField<string> {
  return { ...field.text({ label }), read: ([value = '']) => (value.length > LONGEST ? undefined : value) }
}

/** XEP-0045 §16.5.1: what somebody may say of himself. */
export const FIELDS: Readonly<Record<string, FormField<string>>> = {
  'muc#register_first': line('Given name'),
  'muc#register_last': line('Family name'),
  'muc#register_email': line('Email address'),
  'muc#register_url': line('A web page'),
}

/** Keeps a request and has the admins know of it, once whoever asks is answered. Who asks again has asked anew. */
export async function ask(
  parts: MucParts,
  room: Room,
  from: JID,
  values: Readonly<Record<string, string>>,
  answered: Promise<void>,
): Promise<() => Maybe<void>> {
  const { host, store, limits } = parts
  const key = from.bare.toString()
  requireFree(room, values[NICK] ?? '', from)
  if (room.requests.size >= limits.requests && !room.requests.has(key))
    throw new StanzaError('resource-constraint', { type: 'wait', text: 'too many wait for an answer' })
  if (!(await host.storage.ephemeral.take(`muc-ask ${room.jid} ${key}`, ASKS, HOUR)))
    throw new StanzaError('resource-constraint', { type: 'wait', text: 'asked too often' })
  const request: JoinRequest = { values, time: host.clock.now() }
  await commit(host.storage, [store.request(room.jid, key, request)], host.log)
  room.requests.set(key, request)
  return tellLater(room, answered, [() => tellAdmins(parts, room, key, request)])
}

/** XEP-0077 §3.2: whoever has asked does not want it any more. */
export async function withdraw(parts: MucParts, room: Room, from: JID): Promise<() => Maybe<void>> {
  const key = from.bare.toString()
  if (!room.requests.has(key)) throw new StanzaError('registration-required')
  await drop(parts, room, key)
  return () => undefined
}

async function drop({ host, store }: MucParts, room: Room, key: string): Promise<void> {
  await commit(host.storage, [store.request(room.jid, key, undefined)], host.log)
  room.requests.delete(key)
}

function tellAdmins({ host }: MucParts, room: Room, key: string, request: JoinRequest): void {
  const admins = room.sessionsOf(({ user }) => isAtLeast(room.affiliation(user), 'admin'))
  if (admins.length > 0) host.router.tellMany(approval(room, key, request), admins, JID.parse(key))
}

/** An admin has come: what waits for an answer. */
export function sendRequests({ host }: MucParts, room: Room, to: JID): void {
  if (!isAtLeast(room.affiliation(to), 'admin')) return
  for (const [key, request] of room.requests)
    host.router.tellMany(approval(room, key, request), [to], JID.parse(key))
}

/** XEP-0045 §9.9: "send a <message/> stanza to the room admin(s) [...] asking for approval or denial of the request". */
function approval({ jid }: Room, applicant: string, { values }: JoinRequest): Stanza {
  const said = Object.entries(FIELDS)
    .filter(([name]) => (values[name] ?? '') !== '')
    .map(([name, { type, label }]) => filled(name, type, label, values[name]!))
  const instructions = `${applicant} asks to become a member of the room.`
  const form = approvalForm(NS.roomRegister, 'Registration request', instructions, [
    filled(APPLICANT, 'jid-single', 'Who asks', applicant),
    filled(NICK, 'text-single', 'Desired nickname', values[NICK] ?? ''),
    ...said,
    filled(ALLOW, 'boolean', 'Allow this person to register with the room?', '0'),
  ])
  return Stanza.build('message', { from: jid, id: randomUUID() }, form)
}

/** Takes what admins answer; undefined for what is none. */
export function takeApproval(
  parts: MucParts,
  room: Room,
  stanza: Stanza,
): Maybe<() => Maybe<void>> | undefined {
  const form = formIn(stanza, NS.roomRegister)
  if (form === undefined) return undefined
  if (!isAtLeast(room.affiliation(stanza.from), 'admin')) throw new StanzaError('forbidden')
  // XEP-0045 §9.9: "To skip this request, click the cancel button."
  if (isGivenUp(form)) return () => undefined
  return decide(parts, room, stanza.from, form.values)
}

async function decide(
  parts: MucParts,
  room: Room,
  by: JID,
  values: SubmittedValues,
): Promise<() => Maybe<void>> {
  const user = JID.tryParse(values.get(APPLICANT)?.[0] ?? '')?.bare
  if (user === undefined) throw new StanzaError('bad-request', { text: 'whose request?' })
  const key = user.toString()
  const request = room.requests.get(key)
  // Another admin has answered, or whoever asked has thought better of it.
  if (request === undefined) return () => undefined
  const there = parts.host.router.host(user.domain)
  const isThere = there === undefined || (await there.accounts.exists(user))
  if (!isYes(values, ALLOW) || !isThere || room.affiliation(user) === 'outcast') {
    await drop(parts, room, key)
    return () => undefined
  }
  const told = await changeAffiliations(
    parts,
    room,
    [{ user, affiliation: 'member', nick: freeNick(room, user, request) }],
    by,
  )
  // Members of groups find it among their bookmarks, or are invited there.
  if (!room.config.group) inviteInstead(parts, room, user, by)
  return told
}

/** Somebody else may have reserved the nick, or taken it, since. */
function freeNick(room: Room, user: JID, { values }: JoinRequest): string | undefined {
  try {
    requireFree(room, values[NICK] ?? '', user)
    return values[NICK]
  } catch (error) {
    if (error instanceof StanzaError) return undefined
    throw error
  }
}
