import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { givenNumber } from '../../core/ids.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { archivedStanza } from '../../core/pages.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import type { Outcome, Verdict } from '../../core/stage.ts'
import type { Append, Archive, ArchiveEntry, MarkTable, Write } from '../../storage/types.ts'
import { growingCache } from '../../xml/cache.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { type PackedProgress, Progress } from './progress.ts'
import type { UntilDelivered } from './until-delivered.ts'

/** An archived message to be handed over. */
export interface DueArchived {
  readonly number: bigint
  /** When it came, ms since 1970. */
  readonly time: number
  /** Bytes of what is stored. */
  readonly size: number
  readonly stanza: Stanza
}

/** Some of them, oldest first. */
export interface DueArchivedMessages {
  readonly items: readonly DueArchived[]
  /** How far the archive was looked through. */
  readonly upTo: bigint
  readonly more: boolean
}

/** After so many messages it is asked how far a client has come: so many may come twice after a crash. */
const ASKED_EVERY = 64
/** Accounts of which it is in memory how far they have come: all that are signed in, and more. */
const REMEMBERED = 100_000
const PAGE = 100
const KEY = 'archive'

/** What the archive held when a session asked for it by itself, or was told of it: it needs nothing older. */
const fetchedUpTo = new SessionFlag<bigint | undefined>('archive-fetched', undefined, {
  pack: String,
  unpack: text => BigInt(text as string),
})

/**
 * Knows what of their archives users have not got yet, so that it need not be kept a second time for those who are away. It follows, in
 * memory, what reaches an account whose home is this node, and stores that now and then, and when the last session has gone.
 */
export class Backlog {
  readonly #host: Host
  readonly #archive: Archive
  readonly #undelivered: UntilDelivered | undefined
  readonly #table: MarkTable
  readonly #progress = growingCache<string, Progress>(REMEMBERED)

  /** `undelivered` where messages are erased once all devices have them. */
  constructor(host: Host, archive: Archive, undelivered?: UntilDelivered) {
    this.#host = host
    this.#archive = archive
    this.#undelivered = undelivered
    this.#table = host.storage.table('delivered', 'mark')
  }

  /** A session asks for its archive: what is there now it need not be handed. */
  async fetches(session: Session): Promise<void> {
    if (fetchedUpTo.get(session) !== undefined) return
    const { items } = await this.#archive.page(session.jid.bare, { reverse: true, limit: 1 })
    this.knows(session, items[0]?.id ?? 0n)
  }

  /** A session has been told that its archive holds something up to here: it fetches that by itself. */
  knows(session: Session, upTo: bigint): void {
    fetchedUpTo.set(session, upTo)
  }

  /** After which message a session that comes now is to be handed what its account has not got. */
  start(session: Session): Maybe<bigint> {
    const owner = session.jid.bare
    const fetched = fetchedUpTo.get(session)
    if (fetched !== undefined) return fetched
    const delivered = this.#wholeOf(this.#of(owner)) ?? this.#stored(owner)
    return this.#undelivered === undefined
      ? delivered
      : then(delivered, delivered => this.#undelivered!.start(session, delivered))
  }

  async #stored(owner: JID): Promise<bigint> {
    const mark = await this.#table.get(owner, KEY)
    const progress = this.#of(owner)
    progress.delivered ??= mark?.value ?? 0n
    return this.#wholeOf(progress) ?? 0n
  }

  /** What has come for an account after this message: a page with something in it, if there is any. */
  async due(owner: JID, after: bigint): Promise<DueArchivedMessages> {
    await this.#host.ids.ready()
    for (let upTo = after; ; ) {
      const page = await this.#archive.page(owner, { after: upTo, limit: PAGE })
      await this.#identified(owner)
      upTo = page.items.at(-1)?.id ?? upTo
      const items = page.items.flatMap(entry => this.#dueTo(owner, entry))
      if (items.length > 0 || !page.more) return { items, upTo, more: page.more }
    }
  }

  /** A page may hold what is on its way and whose number is not known here yet. Commits resolve in order: so it is known after one more. */
  async #identified(owner: JID): Promise<void> {
    if (this.#of(owner).unnumbered) await this.took(owner, 0n)
  }

  /** With its id; nothing for what the owner has sent. */
  #dueTo(owner: JID, entry: ArchiveEntry): readonly DueArchived[] {
    const { id, time, payload } = entry
    const stanza = archivedStanza(entry)
    if (stanza.from.bare.equals(owner) && !stanza.to?.bare.equals(owner)) return []
    const ids = [this.#host.ids.idOf(owner, entry)]
    return [{ number: id, time, size: payload.length, stanza: stanza.with({ ids }) }]
  }

  /** A client has taken what was due up to this message. */
  async took(owner: JID, upTo: bigint): Promise<void> {
    const progress = this.#of(owner)
    if (progress.delivered !== undefined) progress.reach(upTo)
    await commit(this.#host.storage, [this.#raise(owner, upTo)], this.#host.log)
  }

  /** A session has all there is, up to this message. To be called in the owner's lane, which has seen that. */
  caughtUp({ jid, lost, ended }: Session, upTo: bigint): void {
    // What came meanwhile has not reached it any more.
    if (lost || ended) return
    const progress = this.#of(jid.bare)
    progress.reach(upTo)
    progress.upToDate = true
  }

  /** A message is going to be archived for its recipient. Returns what is worth storing along with it. */
  expect(append: Append): readonly Write[] {
    const { owner } = append
    const progress = this.#of(owner)
    progress.expect(append, this.#host.clock.monotonic())
    if (progress.taken <= progress.stored) return NOTHING
    progress.stored = progress.taken
    return [this.#raise(owner, progress.taken)]
  }

  /** What became of a message: whoever did not get it will, if it is archived. */
  settle(message: Stanza, owner: JID, { sent, late }: Outcome): Verdict | undefined {
    const number = givenNumber(message, owner)
    if (number === undefined) return undefined
    const progress = this.#of(owner)
    progress.settle(number)
    if (sent.length > 0) this.#delivered(progress, number, sent)
    else progress.miss(number)
    if (this.#host.sessions(owner).length === 0) this.left(owner)
    return late.length > 0 || sent.length === 0 ? 'kept' : undefined
  }

  #delivered(progress: Progress, number: bigint, sent: readonly Session[]): void {
    if (!progress.upToDate || progress.delivered === undefined || number <= progress.delivered) return
    progress.delivered = number
    if (++progress.unasked < ASKED_EVERY) return
    progress.unasked = 0
    const whole = this.#wholeOf(progress) ?? 0n
    const asked = sent.map(async session => {
      if ((await session.drained()) === 0 && whole > progress.taken) progress.taken = whole
    })
    this.#host.background.run('archive', Promise.all(asked))
  }

  #wholeOf(progress: Progress): bigint | undefined {
    return progress.whole(this.#host.clock.monotonic())
  }

  #of(owner: JID): Progress {
    const key = owner.toString()
    const known = this.#progress.get(key)
    if (known !== undefined) return known
    const fresh = new Progress()
    this.#progress.set(key, fresh)
    return fresh
  }

  /** A session has ended that had not acknowledged this message: others have it sent, else it is due again. */
  missed(owner: JID, message: Stanza, number: bigint): void {
    const others = this.#host
      .sessions(owner)
      .filter(one => one.reachable && !one.lost && fetchedUpTo.get(one) === undefined)
    for (const session of others) session.send(message)
    if (others.length === 0) this.#of(owner).miss(number)
  }

  /** Nobody can say what a session has got: all that no client is known to have counts as not delivered. Who has it drops it by its id. */
  doubts(owner: JID): void {
    this.#progress.get(owner.toString())?.doubt()
  }

  /** Nobody is left of an account: once it is known what the last session had not acknowledged, that is stored. */
  left(owner: JID): void {
    const progress = this.#progress.get(owner.toString())
    if (progress?.delivered === undefined || progress.delivered <= progress.stored) return
    const work = this.#host.router.homes.inLane(owner, async ({ sessions, forgotten }) => {
      const whole = this.#wholeOf(progress) ?? 0n
      if (sessions.length > 0 || forgotten || whole <= progress.stored) return
      progress.stored = whole
      await this.took(owner, whole)
    })
    this.#host.background.run('archive', work)
  }

  /** An account is no more. */
  forget(owner: JID): void {
    this.#progress.delete(owner.toString())
  }

  /** How far an account has come, for its next home. */
  pack(owner: JID): PackedProgress | undefined {
    return this.#progress.get(owner.toString())?.pack(this.#host.clock.monotonic())
  }

  /** The same, from its former home. */
  unpack(owner: JID, packed: PackedProgress): void {
    this.#progress.set(owner.toString(), Progress.unpack(packed))
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#progress.deleteWhere(which)
  }

  #raise(owner: JID, value: bigint): Write {
    return this.#table.raise(owner, KEY, { value, time: this.#host.clock.now() })
  }
}

const NOTHING: readonly Write[] = []
