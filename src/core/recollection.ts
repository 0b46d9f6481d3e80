/** What the streams have carried that broke because the server ended: worked out from what is stored, when somebody may send it again. */
import { randomUUID } from 'node:crypto'
import type { MarkTable, Table } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { Carried, printOf } from './carried.ts'
import type { Host } from './host.ts'
import type { Maybe } from './maybe.ts'

/** How long what is written here is of use after the server has ended, ms: so long it may stay away. */
const KEPT_MS = 24 * 60 * 60_000
/** How exactly it is known when the server was there last, ms. */
const BEAT_MS = 60_000
/** Closed streams of an account that are looked at. */
const CLOSED = 1_000

/** A message that an account has sent. */
export interface SentMessage {
  readonly message: Stanza
  /** When it was stored, ms since 1970. */
  readonly at: number
}

/** A stream that its client has closed: its resource, when it began and ended (ms since 1970), and prints of what it had sent again. */
type ClosedStream = readonly [resource: string, since: number, until: number, ...again: number[]]

/** See `Resends`. Streams that were in use when the server ended break when it starts again; what they carried is asked for by account. */
export class Recollection {
  readonly #host: Host
  readonly #afterMs: number
  readonly #startedAt: number
  readonly #marks: MarkTable
  readonly #closed: Table<ClosedStream>
  readonly #accounts = new Map<string, Carried>()
  /** When the server was there last before this start, ms since 1970. */
  readonly #seen = once(async () => (await this.#marks.get(this.#host.jid, this.#node))?.time)
  #beaten = false

  /** `afterMs`: how long after the end of its session messages of a stream may come again. */
  constructor(host: Host, afterMs: number) {
    this.#host = host
    this.#afterMs = afterMs
    this.#startedAt = host.clock.monotonic()
    this.#marks = host.storage.table('server-seen', 'mark')
    this.#closed = host.storage.table<ClosedStream>('closed-streams', 'lww')
  }

  /** What streams of an account had carried; undefined when nobody sends it again any more. */
  of(account: JID): Carried | undefined {
    const until = this.#startedAt + this.#windowMs
    if (this.#host.clock.monotonic() >= until) {
      this.#accounts.clear()
      return undefined
    }
    const key = account.bare.toString()
    const known = this.#accounts.get(key)
    if (known !== undefined) return known
    const idle = once(() => this.#load(account.bare, carried))
    const carried: Carried = new Carried(0, { waiting: Number.POSITIVE_INFINITY, idle })
    carried.state = 'broken'
    carried.until = until
    this.#accounts.set(key, carried)
    return carried
  }

  /** Something is being carried that may come again: notes that the server is there. */
  goOn(): void {
    if (this.#beaten) return
    this.#beaten = true
    this.#host.clock.after(BEAT_MS, () => {
      this.#beaten = false
    })
    if (this.#isLasting) this.#host.background.run('server seen', this.#beat())
  }

  /** A client has closed its stream: what that has carried does not come again, also when the server ends meanwhile. */
  closed(jid: JID, { count, since, again }: Carried): void {
    // Nobody asks for it where nodes that start have other names.
    if (count === 0 || !this.#isLasting) return
    const { storage, clock, background } = this.#host
    const stream: ClosedStream = [jid.resource, since, clock.now(), ...again]
    background.run('stream closed', storage.commit([this.#closed.put(jid, randomUUID(), stream, KEPT_MS)]))
  }

  get #windowMs(): number {
    return this.#host.router.sessions.policy.resumeSeconds * 1_000 + this.#afterMs
  }

  async #beat(): Promise<void> {
    // What was noted before this start is read before it is overwritten.
    await this.#seen()
    const now = this.#host.clock.now()
    const mark = this.#marks.raise(this.#host.jid, this.#node, { value: BigInt(now), time: now })
    await this.#host.storage.commit([mark])
  }

  /** Whether this node will have the same name when it starts again; one of a cluster makes up another one, and its owners move instead. */
  get #isLasting(): boolean {
    const { router, storage } = this.#host
    return router.cluster.alone || storage.fence === undefined
  }

  get #node(): string {
    return this.#host.router.cluster.node
  }

  async #load(account: JID, into: Carried): Promise<void> {
    const seen = await this.#seen()
    if (seen === undefined) return
    const [sent, { items }] = await Promise.all([
      this.#host.hooks.sent(account, seen - this.#windowMs),
      this.#closed.page(account, {}, CLOSED),
    ])
    const closed = items.map(({ item }) => item)
    for (const { message, at } of sent.toSorted((one, other) => one.at - other.at)) {
      const print = printOf(message)
      const over = closed.some(
        ([resource, since, until]) => resource === message.from.resource && since <= at && at <= until,
      )
      if (print !== undefined && !over) into.add(print)
    }
    for (const [, , , ...again] of closed)
      for (const print of again) into.take(print, Number.POSITIVE_INFINITY)
  }
}

/** What a task gives, which is begun by the first call; after a failure by the next one. */
function once<T>(task: () => Promise<T>): () => Maybe<T> {
  let running: Promise<T> | undefined
  let done: { readonly value: T } | undefined
  return () => {
    if (done !== undefined) return done.value
    running ??= task().then(
      value => {
        done = { value }
        return value
      },
      (error: unknown) => {
        running = undefined
        throw error
      },
    )
    return running
  }
}
