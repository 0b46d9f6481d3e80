import { isOnlyChatState } from '../../core/chat-states.ts'
import type { Timer } from '../../core/clock.ts'
import type { Host } from '../../core/host.ts'
import { archivedStanza } from '../../core/pages.ts'
import type { Unacknowledged } from '../../core/unacknowledged.ts'
import type { ArchiveEntry } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Reference, State } from './marks.ts'

/** What is waiting to be told to the home of a sender. */
interface Waiting {
  readonly sender: JID
  readonly peer: string
  readonly delivered: Map<string, Reference>
  readonly read: Map<string, Reference>
}

/** How long news are collected, in ms: many messages are one mark. */
const COLLECTED_MS = 200
/** Of one conversation, in that time; the oldest go first, since marks only move forward. */
const MOST = 100

/** Learns at any node which messages have reached whom, and has the homes of their senders know, now and then. */
export class Collector {
  readonly #host: Host
  #waiting = new Map<string, Waiting>()
  #timer: Timer | undefined

  constructor(host: Host) {
    this.#host = host
  }

  /** A receipt (XEP-0184) or a displayed marker (XEP-0333) has come for the owner, who has written what it is about. */
  told(message: Stanza, owner: JID, state: State): void {
    if (message.type === 'groupchat' || message.type === 'error') return
    const payload =
      state === 'read' ? message.child('displayed', NS.chatMarkers) : message.child('received', NS.receipts)
    const id: unknown = payload?.attrs.id
    if (typeof id === 'string' && id !== '') this.#note(owner, message.from.bare, state, { id })
  }

  /** A client of `account` has acknowledged this: XEP-0198 §4. Of each sender the last one counts. */
  acknowledged(account: JID, sent: readonly Unacknowledged[]): void {
    for (const { stanza } of sent) {
      if (stanza.kind !== 'message' || stanza.id === undefined || !isOfConversation(stanza)) continue
      // What the own archive does not hold, the sender's is not looked through for.
      if (stanza.ids === undefined && !stanza.has('stanza-id', NS.stanzaIds)) continue
      this.#note(stanza.from.bare, account, 'delivered', { id: stanza.id })
    }
  }

  /** A client of the owner has got this from his archive. Of each sender the last one counts. */
  fetched(owner: JID, entries: readonly ArchiveEntry[]): void {
    const done = new Set<string>()
    for (const entry of entries.toSorted(newestFirst)) {
      const { peer, time } = entry
      const key = peer.bare.toString()
      if (done.has(key) || !this.#isOfOurs(peer)) continue
      const message = archivedStanza(entry)
      if (message.id === undefined || message.from.bare.equals(owner)) continue
      done.add(key)
      this.#note(message.from.bare, owner, 'delivered', { id: message.id, time })
    }
  }

  /** Tells what was collected; that is done when the background has settled. */
  stop(): void {
    this.#timer?.cancel()
    this.#tell()
  }

  #isOfOurs({ local, domain }: JID): boolean {
    return local !== '' && this.#host.router.host(domain) !== undefined
  }

  #note(sender: JID, peer: JID, state: State, reference: Reference): void {
    if (!this.#isOfOurs(sender) || sender.equals(peer)) return
    const key = `${sender} ${peer}`
    let waiting = this.#waiting.get(key)
    if (waiting === undefined) {
      waiting = { sender, peer: peer.toString(), delivered: new Map(), read: new Map() }
      this.#waiting.set(key, waiting)
    }
    const references = waiting[state]
    references.delete(reference.id)
    references.set(reference.id, reference)
    if (references.size > MOST) references.delete(references.keys().next().value!)
    this.#timer ??= this.#host.clock.after(COLLECTED_MS, () => this.#tell())
  }

  #tell(): void {
    const all = this.#waiting
    this.#waiting = new Map()
    this.#timer = undefined
    const time = this.#host.clock.now()
    const { router, background } = this.#host
    for (const { sender, peer, delivered, read } of all.values()) {
      const reached = { peer, time, delivered: [...delivered.values()], read: [...read.values()] }
      background.run('status', router.atHome.run('status:reached', sender, reached))
    }
  }
}

function isOfConversation(message: Stanza): boolean {
  return message.type !== 'groupchat' && message.type !== 'error' && !isOnlyChatState(message)
}

function newestFirst(one: ArchiveEntry, other: ArchiveEntry): number {
  return one.id < other.id ? 1 : -1
}
