/** XEP-0045 §8.1: the subject of a room. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { dateTime } from '../../xml/delay.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { keptForm } from './archive.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { say } from './say.ts'
import { shown } from './shown.ts'

/** XEP-0045 §8.1: "a message with a <subject/> element but no <body/> or <thread/> element". */
export function isSubject(message: Stanza): boolean {
  return (
    message.has('subject', NS.client) && !message.has('body', NS.client) && !message.has('thread', NS.client)
  )
}

/** Changes the subject, stores it and tells everybody. */
export function changeSubject(
  parts: MucParts,
  room: Room,
  occupant: Occupant,
  stanza: Stanza,
): () => Maybe<void> {
  const { role } = occupant
  // XEP-0045 §8.1: "the service MUST return a <forbidden/> error".
  if (role !== 'moderator' && !(room.config.changeSubject && role === 'participant'))
    throw new StanzaError('forbidden')
  const { host, store } = parts
  const message = shown(room, occupant, stanza)
  const subject = { message: message.pack().toString('base64'), time: host.clock.now() }
  const told = say(parts, room, {
    message,
    by: stanza.from,
    kept: keptForm(room, occupant, message, stanza.from),
    writes: [store.subject(room.jid, subject)],
    stored: () => {
      room.subject = subject
    },
  })
  return () => told
}

/** The subject as text; '' where there is none. */
export function subjectOf({ subject }: Room): string {
  if (subject === undefined) return ''
  return Stanza.unpack(Buffer.from(subject.message, 'base64')).child('subject', NS.client)?.getText() ?? ''
}

/** XEP-0045 §7.2.15: the last thing that somebody gets who joins; empty where nobody has set it. */
export function sendSubject({ host }: MucParts, room: Room, to: JID): void {
  const { subject, jid } = room
  const message =
    subject === undefined
      ? Stanza.build('message', { from: jid, to, type: 'groupchat' }, xml('subject'))
      : Stanza.unpack(Buffer.from(subject.message, 'base64'))
          .with({ to })
          .plus(xml('delay', { xmlns: NS.delay, from: jid.toString(), stamp: dateTime(subject.time) }))
  host.router.tellMany(message, [to], jid)
}
