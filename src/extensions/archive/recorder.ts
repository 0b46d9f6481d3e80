import { createHash } from 'node:crypto'
import type { StageContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { isPromise, type Maybe, then } from '../../core/maybe.ts'
import type { Append, Archive, Unique, Write } from '../../storage/types.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Hints } from '../hints.ts'
import type { Backlog } from './backlog.ts'
import type { Preferences } from './preferences.ts'
import type { Retractions } from './retractions.ts'
import type { UntilDelivered } from './until-delivered.ts'
import { isNew, isWorthArchiving } from './worth.ts'

/** Longer keys are stored as their hash. In characters, of four bytes at most. */
const LONGEST_KEY = 256

const NOTHING: readonly Write[] = []

/** What a recorder is made of. */
export interface RecorderParts {
  readonly host: Host
  readonly archive: Archive
  readonly backlog: Backlog
  readonly preferences: Preferences
  readonly retractions: Retractions
  readonly hints: Hints
  /** Where messages are erased once all devices have them. */
  readonly undelivered: UntilDelivered | undefined
}

/** Decides which messages go to an archive, and writes them. */
export class Recorder {
  readonly #parts: RecorderParts

  constructor(parts: RecorderParts) {
    this.#parts = parts
  }

  /** Whether a message is archived for its sender, or for its recipient. */
  takes(message: Stanza, at: StageContext): Maybe<boolean> {
    if (!isWorthArchiving(message, this.#parts.hints) || !this.#isItsPlace(message, at)) return false
    return this.#parts.preferences.allow(at.owner, peerOf(message, at))
  }

  /** What has to be stored of it. */
  record(message: Stanza, at: StageContext): Maybe<readonly Write[]> {
    return then(this.takes(message, at), takes => (takes ? this.#writes(message, at) : NOTHING))
  }

  #writes(message: Stanza, at: StageContext): Maybe<readonly Write[]> {
    const { host, retractions, undelivered } = this.#parts
    const ready = host.ids.ready()
    if (isPromise(ready)) return ready.then(() => this.#writes(message, at))
    if (message.from.bare.equals(at.owner)) undelivered?.wrote(at.owner)
    if (!message.has('retract', NS.retraction)) return this.#appended(message, at, NOTHING)
    return then(retractions.writes(message, at, peerOf(message, at)), replaced =>
      this.#appended(message, at, replaced),
    )
  }

  #appended(message: Stanza, at: StageContext, replaced: readonly Write[]): readonly Write[] {
    const append = this.#append(message, at)
    const along = at.side === 'recipient' ? this.#parts.backlog.expect(append) : NOTHING
    return replaced.length === 0 && along.length === 0 ? [append] : [append, ...replaced, ...along]
  }

  #append(message: Stanza, at: StageContext): Append {
    const { archive } = this.#parts
    const incoming = at.side === 'recipient'
    const unique = uniqueness(message)
    const peer = peerOf(message, at)
    // The same bytes for both sides, which are stored once.
    const payload = message.pack()
    const unread = incoming && !message.from.bare.equals(at.owner) && isNew(message)
    return archive.append(
      at.owner,
      unique === undefined ? { peer, payload, unread } : { peer, payload, unread, unique },
    )
  }

  #isItsPlace(message: Stanza, { owner, side }: StageContext): boolean {
    const { to } = message
    // XEP-0313 §5.1.1: a message is stored once in an archive: what users write to themselves, where it arrives.
    if (side === 'sender') return to !== undefined && !to.bare.equals(owner)
    // RFC 6121 §8.5.3.2.1: refused, since the resource is not there; only a chat message goes to others.
    if (message.type === 'chat' || to === undefined || to.isBare) return true
    return this.#parts.host.sessions(owner).some(session => session.jid.equals(to))
  }
}

/** Whom the owner talks with: XEP-0313 §4.1.1. */
function peerOf(message: Stanza, { owner, side }: StageContext): Stanza['from'] {
  return side === 'recipient' ? message.from : (message.to ?? owner)
}

/** ARCHITECTURE §7: the same account, `to`, `type` and `origin-id` within a day: that is the same message, sent again. */
function uniqueness(message: Stanza): Unique | undefined {
  if (!message.has('origin-id', NS.stanzaIds)) return undefined
  const id: unknown = message.child('origin-id', NS.stanzaIds)?.attrs.id
  if (typeof id !== 'string' || id === '') return undefined
  const key = `${message.from.bare} ${message.to ?? ''} ${message.type ?? ''} ${id}`
  return { key: key.length > LONGEST_KEY ? createHash('sha256').update(key).digest('base64') : key }
}
