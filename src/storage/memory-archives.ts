import { checkMoved, firstIdAt, IdSequence, idRange, timeOf } from './archive-ids.ts'
import { containsAny } from './checks.ts'
import type { ArchivedRow, Given, HistoryPage, HistoryQuery, MovedRow, Operation } from './engine.ts'
import { cut, Grid } from './memory-grid.ts'
import type { PurgeQuery, WallClock } from './types.ts'

/** How long keys are kept, ms. */
const KEY_MS = 86_400_000

type Append = Extract<Operation, { kind: 'append' }>

/** What is known by a key (`Unique`). */
interface Known extends Given {
  readonly time: number
}

interface Counts {
  readonly sequence: number
  readonly unread: number
}

/** The archives of a storage in memory. */
export class MemoryArchives {
  readonly #clock: WallClock
  /** Archive, owner; ids ascending. */
  readonly #rows = new Grid<ArchivedRow[]>(() => [])
  /** Archive, owner; what is counted together. */
  readonly #counts = new Grid<Map<string, Counts>>(() => new Map())
  /** Archive, owner; keys in the order of their ids. */
  readonly #keys = new Grid<Map<string, Known>>(() => new Map())
  readonly #ids = new IdSequence(0)

  constructor(clock: WallClock) {
    this.#clock = clock
  }

  /** What the first copies have of these appends, if one of them must not be stored again. */
  repeated(appends: readonly Append[]): Given[] | undefined {
    const first = appends.map(append => this.#firstCopy(append)).find(given => given !== undefined)
    return first && appends.map(({ archive, owner }) => this.#given(archive, owner, first.id))
  }

  #firstCopy({ archive, owner, unless }: Append): Known | undefined {
    const keys = this.#keys.find(archive, owner)
    const oldest = this.#clock.now() - KEY_MS
    return unless.map(key => keys?.get(key)).find(known => known !== undefined && known.time >= oldest)
  }

  #given(archive: string, owner: string, id: bigint): Given {
    const row = this.#rows.find(archive, owner)?.find(row => row.id === id)
    return { id, sequence: row?.sequence ?? 0, unread: row?.unread ?? 0 }
  }

  /** Adds the appends of one commit. */
  append(appends: readonly Append[]): Given[] {
    const shared = new Map<Uint8Array, bigint>()
    return appends.map(append => this.#append(append, shared))
  }

  #append(append: Append, shared: Map<Uint8Array, bigint>): Given {
    const { archive, owner, payload, peer } = append
    const rows = this.#rows.at(archive, owner)
    const known = shared.get(payload)
    // Both sides of a message to oneself are one item.
    if (known !== undefined && rows.at(-1)?.id === known) return this.#given(archive, owner, known)
    const id = known ?? BigInt(this.#ids.next(this.#clock.now()))
    shared.set(payload, id)
    const time = timeOf(Number(id))
    const row = { id, time, peer, payload: Uint8Array.from(payload), ...this.#count(append) }
    rows.push(row)
    this.#remember(append, { ...row, time: this.#clock.now() })
    return row
  }

  #count({ archive, owner, peer, counted, unread }: Append): Counts {
    const counts = this.#counts.at(archive, owner)
    const name = counted === 'owner' ? owner : bare(peer)
    const before = counts.get(name) ?? { sequence: 0, unread: 0 }
    const after = { sequence: before.sequence + 1, unread: before.unread + (unread ? 1 : 0) }
    counts.set(name, after)
    return after
  }

  #remember({ archive, owner, key }: Append, { id, sequence, unread, time }: Known): void {
    if (key === undefined) return
    const keys = this.#keys.at(archive, owner)
    for (const [old, known] of keys) {
      if (known.time >= time - KEY_MS) break
      keys.delete(old)
    }
    keys.delete(key)
    keys.set(key, { id, sequence, unread, time })
  }

  /** See `Archive.restore`. */
  restore(archive: string, owner: string, moved: readonly MovedRow[]): void {
    const rows = this.#rows.at(archive, owner)
    checkMoved(moved, Number(rows.at(-1)?.id ?? 0), this.#clock.now())
    const counts = this.#counts.at(archive, owner)
    for (const { counted, payload, ...row } of moved) {
      const { id, peer, sequence, unread } = row
      rows.push({ ...row, payload: Uint8Array.from(payload) })
      counts.set(counted === 'owner' ? owner : bare(peer), { sequence, unread })
      this.#ids.passed(Number(id))
    }
  }

  /** Replaces a payload. */
  replace({ archive, owner, id, payload }: Extract<Operation, { kind: 'replace' }>): void {
    this.#rows.keep(archive, owner, rows =>
      rows.map(row => (row.id === id ? { ...row, payload: Uint8Array.from(payload) } : row)),
    )
  }

  /** See `Archive.page`. */
  history(archive: string, owner: string, query: HistoryQuery): HistoryPage {
    const all = this.#rows.find(archive, owner) ?? []
    const wanted = query.ids && new Set(query.ids)
    const range = idRange(query)
    const matches = (row: ArchivedRow) =>
      row.id >= range.low &&
      row.id < range.high &&
      matchesPeer(row.peer, query) &&
      (wanted === undefined || wanted.has(row.id)) &&
      containsAny(row.payload, query.containing)
    const found = all.filter(matches)
    if (query.reverse) found.reverse()
    const page = cut(found, query.limit, row => row.payload.byteLength)
    return query.count && query.containing === undefined ? { ...page, total: found.length } : page
  }

  /** See `Archive.purge`. */
  purge(archive: string, owner: string, query: PurgeQuery): void {
    const end = query.before === undefined ? Number.MAX_SAFE_INTEGER : firstIdAt(query.before)
    const stays = (row: ArchivedRow) =>
      row.id >= end ||
      (query.upTo !== undefined && row.id > query.upTo) ||
      (query.ids !== undefined && !query.ids.includes(row.id))
    this.#rows.keep(archive, owner, rows => rows.filter(stays))
  }

  /** See `Archive.expire`. */
  expire(archive: string, before: number, domain: string | undefined): void {
    for (const owner of [...this.#rows.row(archive).keys()])
      if (domain === undefined || domainOf(owner) === domain) this.purge(archive, owner, { before })
  }

  /** Lets go of all that an owner has. */
  forget(owner: string): void {
    for (const grid of [this.#rows, this.#counts, this.#keys]) grid.drop(owner)
  }
}

function bare(peer: string): string {
  const slash = peer.indexOf('/')
  return slash < 0 ? peer : peer.slice(0, slash)
}

function domainOf(owner: string): string {
  return owner.slice(owner.indexOf('@') + 1)
}

function matchesPeer(given: string, { peer, resource }: HistoryQuery): boolean {
  if (resource !== undefined) return given === `${peer}/${resource}`
  return peer === undefined || bare(given) === peer
}
