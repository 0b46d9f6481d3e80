import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { pagesOf } from '../../core/pages.ts'
import type { Entry, Table, Write } from '../../storage/types.ts'
import { growingCache } from '../../xml/cache.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { Looks } from './looks.ts'

/** Bounds of a queue. */
export interface QueueLimits {
  /** Most messages of one user. */
  readonly most: number
  /** How long a message is kept, in ms. */
  readonly maxAge: number
}

/** A kept message as it is stored. */
export interface Kept {
  /** When it came, in ms since 1970. */
  readonly at: number
  readonly stanza: string
}

/** A kept message to be handed over. */
export interface DueMessage {
  readonly key: string
  /** When it came, ms since 1970. */
  readonly time: number
  /** Length of what is stored, in characters. */
  readonly size: number
  readonly stanza: Stanza
}

/** The oldest of those that are due. */
export interface DueMessages {
  readonly items: readonly DueMessage[]
  /** Whether more may be due. */
  readonly more: boolean
}

/** How many messages a user has, as counted at a time (monotonic ms) and kept up to date since. */
interface Count {
  messages: number
  readonly at: number
}

/** A message that is recorded and whose commit is under way. */
interface Recorded {
  /** Whom it came by (`StageContext.sender`), or the sender's address. */
  readonly sender: unknown
  /** It is to be removed. */
  withdrawn: boolean
  /** Monotonic ms. */
  readonly since: number
}

/** By key, in the order they came. */
type Underway = Map<string, Recorded>

/** A count is taken anew after this long, since messages expire by themselves and the home of a user may have been elsewhere. */
const COUNT_TRUSTED_MS = 5 * 60_000
const COUNTS = 10_000
/** No commit takes this long. One that failed leaves its key behind, which is of no account after this time. */
const UNDERWAY_MS = 60_000
const PAGE = 100
const NOTHING_DUE: DueMessages = { items: [], more: false }
/** Length of what a key begins with: digits of the time, a dash, digits of the number. */
const TIME_AND_NUMBER = 15 + 1 + 9

/**
 * The messages kept for users who are not there, in the order they came.
 *
 * A message is recorded before it is known whether somebody will be there when its commit is done. Until then it is under way:
 * not handed out, since delivery, which comes next, will find the session itself and then withdraw it.
 */
export class OfflineQueue {
  /** What has been seen of users who have just come. */
  readonly looks: Looks
  readonly #host: Host
  readonly #limits: QueueLimits
  readonly #table: Table<Kept>
  readonly #counts = growingCache<string, Count>(COUNTS)
  readonly #keys = new WeakMap<Stanza, string>()
  readonly #underway = new Map<string, Underway>()
  #lastTime = 0
  #lastNumber = 0
  #lastLate = 0

  constructor(host: Host, limits: QueueLimits) {
    this.#host = host
    this.#limits = limits
    this.looks = new Looks(host.clock)
    this.#table = host.storage.table<Kept>('offline', 'lww')
  }

  /** Throws or rejects with service-unavailable when the user has no room for one more (XEP-0160 §2 step 3). */
  requireRoom(owner: JID): Maybe<undefined> {
    return then(this.#count(owner), count => {
      if (count.messages < this.#limits.most) return undefined
      throw new StanzaError('service-unavailable', { text: 'too many messages wait for this user' })
    })
  }

  /** What stores a message. It is under way until `confirm` or `withdraw`. */
  add(owner: JID, message: Stanza, sender: object | undefined): Write {
    return this.#put(owner, message, sender ?? message.from.toString(), this.#nextKey())
  }

  /** The same for a message that had somebody to go to when it was its turn to be added, and has nobody any more. It keeps that place. */
  addLate(owner: JID, message: Stanza, by: object | undefined): Write {
    const sender = by ?? message.from.toString()
    return this.#put(owner, message, sender, this.#keyBefore(owner, sender) ?? this.#nextKey())
  }

  #put(owner: JID, message: Stanza, sender: unknown, key: string): Write {
    const at = this.#host.clock.now()
    this.#keys.set(message, key)
    this.#begin(owner, key, sender)
    this.looks.end(owner)
    const count = this.#counts.get(owner.toString())
    if (count !== undefined) count.messages++
    return this.#table.put(owner, key, { at, stanza: message.pack().toString() }, this.#limits.maxAge)
  }

  /** Whether this very message has been added and is still here. */
  holds(message: Stanza): boolean {
    return this.#keys.has(message)
  }

  /** The message is committed, and nobody was there. */
  confirm(owner: JID, message: Stanza): void {
    this.#arrived(owner, message)
  }

  /** The message is committed, but has been delivered: somebody came meanwhile. Nothing to do for one that was never added. */
  withdraw(owner: JID, message: Stanza): void {
    const key = this.#keys.get(message)
    if (key === undefined) return
    const count = this.#counts.get(owner.toString())
    if (count !== undefined) count.messages--
    const underway = this.#underwayOf(owner)?.get(key)
    if (underway !== undefined) underway.withdrawn = true
    // Under way until it is gone, so that nobody hands it over meanwhile, here or at the next home.
    const leave = this.#host.router.homes.enter(owner)
    const gone = this.#host.storage.commit([this.#table.delete(owner, key)]).finally(() => {
      this.#arrived(owner, message)
      leave()
    })
    this.#host.background.run('offline', gone)
  }

  /** A user has come, who is about to be handed what is due: begins to look whether there is anything. */
  look(owner: JID): void {
    // What is under way may be stored after this is answered.
    if (this.#underwayOf(owner) !== undefined) return
    this.looks.begin(owner, async () => (await this.#table.page(owner, {}, 1)).items.length > 0)
  }

  /**
   * The oldest messages that are due, a page at most; none when nothing is due. Those that are under way are left out, and come as soon
   * as they are not: so this always looks from the oldest on. To be run in the owner's lane, where no message ends to be under way.
   */
  async due(owner: JID): Promise<DueMessages> {
    if (this.looks.sawNothing(owner)) return NOTHING_DUE
    for await (const { items, more } of pagesOf(this.#table, owner, PAGE)) {
      const underway = this.#underwayOf(owner)
      const due = items.filter(({ key }) => !underway?.has(key))
      if (due.length > 0) return { items: due.map(entry => this.#due(entry)), more }
    }
    return NOTHING_DUE
  }

  #due({ key, item }: Entry<Kept>): DueMessage {
    return { key, time: item.at, size: item.stanza.length, stanza: Stanza.unpack(Buffer.from(item.stanza)) }
  }

  /** Removes messages that have been handed over. */
  async remove(owner: JID, keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#host.storage.commit([this.#table.delete(owner, ...keys)])
    this.#counts.delete(owner.toString())
  }

  /** Forgets what it knows of a user whose account, and with it all that is stored, has gone. */
  forget(owner: JID): void {
    this.#counts.delete(owner.toString())
    this.#underway.delete(owner.toString())
    this.looks.end(owner)
  }

  /** The home of these users is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#counts.deleteWhere(which)
    this.looks.drop(which)
    for (const owner of [...this.#underway.keys()]) if (which(owner)) this.#underway.delete(owner)
  }

  #count(owner: JID): Maybe<Count> {
    const known = this.#counts.get(owner.toString())
    const now = this.#host.clock.monotonic()
    return known !== undefined && now - known.at < COUNT_TRUSTED_MS ? known : this.#recount(owner)
  }

  async #recount(owner: JID): Promise<Count> {
    const at = this.#host.clock.monotonic()
    let messages = 0
    for await (const { items } of pagesOf(this.#table, owner, PAGE)) {
      messages += items.length
      if (messages >= this.#limits.most) break
    }
    const count = { messages, at }
    this.#counts.set(owner.toString(), count)
    return count
  }

  /** The message is no longer under way. */
  #arrived(owner: JID, message: Stanza): void {
    const key = this.#keys.get(message)
    if (key === undefined) return
    this.#keys.delete(message)
    const underway = this.#underwayOf(owner)
    underway?.delete(key)
    if (underway?.size === 0) this.#underway.delete(owner.toString())
  }

  #begin(owner: JID, key: string, sender: unknown): void {
    const underway: Underway = this.#underwayOf(owner) ?? new Map()
    underway.set(key, { sender, withdrawn: false, since: this.#host.clock.monotonic() })
    this.#underway.set(owner.toString(), underway)
  }

  /** What is under way for a user, without what has been for too long. */
  #underwayOf(owner: JID): Underway | undefined {
    const underway = this.#underway.get(owner.toString())
    if (underway === undefined) return undefined
    const oldest = this.#host.clock.monotonic() - UNDERWAY_MS
    for (const [key, { since }] of underway) {
      if (since > oldest) break
      underway.delete(key)
    }
    return underway
  }

  /** Keys in the order of the calls, also when the clock is set back; the node keeps those of two homes apart. */
  #nextKey(): string {
    const now = this.#host.clock.now()
    this.#lastNumber = now > this.#lastTime ? 0 : this.#lastNumber + 1
    this.#lastTime = Math.max(now, this.#lastTime)
    const place = `${digits(this.#lastTime, 15)}-${digits(this.#lastNumber, 9)}`
    return `${place}-${this.#host.router.cluster.node}`
  }

  /**
   * RFC 6120 §10.1: a key before those of what this sender has sent later, if some of that is under way: whatever of theirs came
   * earlier is not any more. '!' comes before '-'.
   */
  #keyBefore(owner: JID, sender: unknown): string | undefined {
    for (const [key, later] of this.#underwayOf(owner) ?? [])
      if (later.sender === sender && !later.withdrawn)
        return `${key.slice(0, TIME_AND_NUMBER)}!${digits(++this.#lastLate, 9)}`
    return undefined
  }
}

/** Digits of fixed width: keys are in the order of numbers. */
export function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
