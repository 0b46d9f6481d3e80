/** XEP-0045 §7.2.13: what was said before somebody came. */

import type { Host } from '../../core/host.ts'
import { archivedStanza, archivePages } from '../../core/pages.ts'
import type { ArchiveEntry } from '../../storage/types.ts'
import { dateTime, parseDateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { isReadable } from '../archive/index.ts'
import type { MucParts } from './parts.ts'
import { readableFrom } from './readers.ts'
import type { Room } from './room.ts'
import { isSubject } from './subject.ts'

/** What is kept though it has no body: XEP-0308, 0424, 0425, 0444. No markers (XEP-0333): they are kept as marks, one for each member. */
const KEPT = [NS.correction, NS.reactions, NS.retraction] as const

/** Whether a message belongs into the archive of a room; no mere chat states, and nothing whose sender does not want it (XEP-0334). */
export function isWorthKeeping(message: Stanza): boolean {
  if (message.has('no-store', NS.hints) || message.has('no-permanent-store', NS.hints)) return false
  // Clients want them stored (XEP-0334): they are, as marks.
  if (isMarker(message)) return false
  return (
    isReadable(message) || message.has('store', NS.hints) || KEPT.some(namespace => message.hasIn(namespace))
  )
}

/** XEP-0333: whether it says what somebody has read, and nothing else. */
export function isMarker(message: Stanza): boolean {
  return message.has('displayed', NS.chatMarkers) && !isReadable(message)
}

/** What somebody who joins asks for: XEP-0045 §7.2.14. */
export interface HistoryWish {
  readonly maxStanzas: number
  readonly maxChars: number
  /** ms since 1970 */
  readonly since: number | undefined
}

/** Most that anybody gets. */
const MOST = 500

/** Reads `<history/>`; what cannot be read is as if it were not there. */
export function historyWish(x: Element | undefined, usual: number, now: number): HistoryWish {
  const attrs: Record<string, unknown> = x?.getChild('history', NS.room)?.attrs ?? {}
  const number = (name: string): number | undefined => {
    const text = attrs[name]
    return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : undefined
  }
  const seconds = number('seconds')
  const since = typeof attrs.since === 'string' ? parseDateTime(attrs.since) : undefined
  const times = [since, seconds === undefined ? undefined : now - seconds * 1_000].filter(
    time => time !== undefined,
  )
  // XEP-0045 §7.2.14: "the service SHOULD send the smallest amount of history" that meets all of them.
  const asked = number('maxstanzas')
  const limited = times.length > 0 || number('maxchars') !== undefined
  return {
    maxStanzas: Math.min(asked ?? (limited ? MOST : usual), MOST),
    maxChars: number('maxchars') ?? Number.POSITIVE_INFINITY,
    since: times.length === 0 ? undefined : Math.max(...times),
  }
}

/** Read at once. */
const PAGE = 100

/** Sends somebody what was said before, oldest first. Runs behind what the room has said (`Room.tell`). */
export async function sendHistory(parts: MucParts, room: Room, to: JID, wish: HistoryWish): Promise<void> {
  const { host } = parts
  const old: Stanza[] = []
  for await (const message of newestFirst(parts, room, to, wish)) old.push(message)
  for (const message of old.reverse()) host.router.tellMany(message, [to], room.jid)
}

async function* newestFirst(
  { host, archive: { archive } }: MucParts,
  room: Room,
  to: JID,
  { maxStanzas, maxChars, since: wanted }: HistoryWish,
): AsyncGenerator<Stanza> {
  if (maxStanzas === 0 || maxChars === 0) return
  const readable = readableFrom(room, to, host.clock.now())
  const since = readable === undefined ? wanted : Math.max(wanted ?? 0, readable)
  let [chars, count] = [0, 0]
  const query = {
    reverse: true,
    limit: Math.min(maxStanzas, PAGE),
    ...(since !== undefined && { start: since }),
  }
  for await (const entries of archivePages(archive, room.jid, query))
    for (const entry of entries) {
      const message = asHistory(host, room, to, entry)
      if (message === undefined) continue
      // XEP-0045 §7.2.14: "the character count is the characters of the complete XML stanzas".
      chars += message.encode().toString().length
      count++
      if (chars > maxChars) return
      yield message
      if (count === maxStanzas) return
    }
}

/** A message of the archive as history; undefined for what is none. */
function asHistory(host: Host, room: Room, to: JID, entry: ArchiveEntry): Stanza | undefined {
  const archived = archivedStanza(entry)
  // XEP-0045 §7.2.13: "the room subject (and changes to the room subject prior to the current subject) are not part of the discussion history".
  if (isSubject(archived)) return undefined
  // XEP-0424 §5: "by not replaying the message to new occupants joining the room".
  if (archived.has('retracted', NS.retraction)) return undefined
  return saidBefore(host, room, entry, archived).with({ to })
}

/** A message of the archive as it is told once more, without `to`. */
export function saidBefore(
  host: Host,
  room: Room,
  entry: ArchiveEntry,
  archived = archivedStanza(entry),
): Stanza {
  // XEP-0045 §7.2.13: "The 'from' attribute MUST be set to the JID of the room itself."
  const delay = xml('delay', { xmlns: NS.delay, from: room.jid.toString(), stamp: dateTime(entry.time) })
  // The addresses of senders are for those who may see them; here nobody needs them.
  return archived
    .without((name, ns) => name === 'x' && ns === NS.roomUser)
    .with({ ids: [host.ids.idOf(room.jid, entry)] })
    .plus(delay)
}
