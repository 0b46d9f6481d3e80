/** ARCHITECTURE §7: messages that are sent again because whoever sent them can't know that they had arrived. */
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Carried } from './carried.ts'
import type { Owner } from './homes.ts'
import type { Host } from './host.ts'
import { eachInOrder, isPromise, type Maybe, then } from './maybe.ts'
import { Recollection } from './recollection.ts'
import type { Session } from './session.ts'

/** How long after the end of its session messages of a broken stream may come again. */
const AFTER_MS = 10 * 60_000
/** Broken streams of an account that are remembered. */
const STREAMS = 20

/** What a stream had carried when a later one of the same account began. */
export interface Earlier {
  readonly carried: Carried
  /** So many, the first ones. */
  readonly count: number
}

/**
 * Whether a stanza may be handled twice, where nobody knows whether that was done: presence; a message of which whoever stores it sees that it
 * was stored before, by its `origin-id`; the answer to a request, of which only the first one counts for whoever has asked.
 */
export function isRepeatable(stanza: Stanza): boolean {
  switch (stanza.kind) {
    case 'presence':
      return true
    case 'message':
      return stanza.has('origin-id', NS.stanzaIds)
    case 'iq':
      return stanza.type === 'result' || stanza.type === 'error'
  }
}

/**
 * What the streams of accounts have carried whose home is this node (the last messages of each). A client whose stream has broken sends
 * again, over its next one, whatever it had no acknowledgement for. Such a copy is known by its id, type, recipient and content
 * (`printOf`). Each is dropped once: then the later stream has carried it, which may break, too.
 */
export class Resends {
  readonly #host: Host
  readonly #lastLife: Recollection
  /** Streams that broke and whose sessions have ended, by account, in this order. */
  readonly #broken = new Map<string, Carried[]>()

  constructor(host: Host) {
    this.#host = host
    this.#lastLife = new Recollection(host, AFTER_MS)
  }

  /** What may come again over a new session of an account; undefined for nothing. */
  before(owner: Owner): readonly Earlier[] | undefined {
    const ended = this.#endedOf(owner.jid)
    const living = owner.sessions.map(({ carried }) => carried)
    const lastLife = this.#lastLife.of(owner.jid)
    const all = [...living, ...ended, ...(lastLife ? [lastLife] : [])]
    const earlier = all
      .map(carried => ({ carried, count: carried.expected }))
      .filter(({ count }) => count > 0)
    return earlier.length === 0 ? undefined : earlier
  }

  /** What an account had sent before the server started. */
  ofLastLife(account: JID): readonly Earlier[] {
    const carried = this.#lastLife.of(account)
    return carried === undefined ? [] : [{ carried, count: carried.expected }]
  }

  /** Whether a message of a session has been handled before; it is so only once. What came before over broken streams is waited for. */
  isRepeated(print: number, session: Session): Maybe<boolean> {
    this.#lastLife.goOn()
    if (session.earlier === undefined) return false
    const now = this.#host.clock.monotonic()
    const earlier = session.earlier.filter(({ carried }) => !carried.isOver(now))
    session.earlier = earlier.length === 0 ? undefined : earlier
    if (earlier.length === 0) return false
    return then(
      eachInOrder(earlier, one => taken(print, one)),
      found => {
        if (found) session.carried.add(print, found)
        return found === true
      },
    )
  }

  /** A session has ended. */
  ended({ carried, jid }: Session): void {
    if (carried.state === 'closed') {
      this.#lastLife.closed(jid, carried)
      carried.clear()
      return
    }
    carried.state = 'broken'
    carried.until = this.#host.clock.monotonic() + AFTER_MS
    if (carried.count === 0 && !isPromise(carried.complete())) return
    const streams = this.#endedOf(jid)
    const account = jid.bare.toString()
    // Moved to the end: the accounts whose streams broke first are forgotten first.
    this.#broken.delete(account)
    this.#broken.set(account, [...streams.slice(1 - STREAMS), carried])
  }

  /** An account is removed. */
  forget(account: JID): void {
    this.#broken.delete(account.bare.toString())
  }

  /** Accounts (bare JIDs' texts) of which streams are remembered whose sessions have ended. */
  get accounts(): readonly string[] {
    return [...this.#broken.keys()]
  }

  /** The broken streams of an account whose sessions have ended, for its next home. */
  take(account: JID): readonly Carried[] {
    const streams = this.#endedOf(account)
    this.#broken.delete(account.bare.toString())
    return streams
  }

  /** The same, from its former home. */
  put(account: JID, streams: readonly Carried[]): void {
    // Should this node die, it has to be known until when it was there.
    this.#lastLife.goOn()
    if (streams.length > 0) this.#broken.set(account.bare.toString(), [...streams])
  }

  /** The broken streams of an account whose sessions have ended. Forgets those, of all accounts, whose time is up. */
  #endedOf(account: JID): readonly Carried[] {
    const now = this.#host.clock.monotonic()
    for (const [key, streams] of this.#broken) {
      if (streams.at(-1)!.until > now) break
      this.#broken.delete(key)
    }
    return this.#broken.get(account.bare.toString())?.filter(({ until }) => until > now) ?? []
  }
}

function taken(print: number, { carried, count }: Earlier): Maybe<true | undefined> {
  if (carried.state !== 'broken') return undefined
  // It may go on meanwhile (XEP-0198 §5).
  return then(carried.complete(), () =>
    carried.state === 'broken' && carried.take(print, count) ? true : undefined,
  )
}
