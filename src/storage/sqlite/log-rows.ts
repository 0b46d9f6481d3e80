/** The rows of the archive log as they are on the disk: one payload for up to two owners. */
import type { DatabaseSync } from 'node:sqlite'
import type { TailEntry } from './tail.ts'

/** Nobody: address 1 is the empty text. An owner who has been erased is negative (erase.ts). */
export const NOBODY = 1

/** Bits of `flags`. The first one is always set, so that the number keeps its size (one byte) whatever else is. */
export const FLAG = {
  always: 64,
  /** The first or second owner sees a stub instead of the payload. */
  stub1: 1,
  stub2: 2,
  /** It is counted with all that its first or second owner counts so, not with the peer. */
  byOwner1: 4,
  byOwner2: 8,
} as const

/** 64 bits of the hash of a key, as two signed numbers of 32. */
export interface Key {
  readonly high: number
  readonly low: number
}

/** An item under one of its owners, with all that follows the log: the index, the counts and the keys. Addresses are numbers. */
export interface NewEntry extends TailEntry {
  readonly archive: number
  readonly segment: number
  readonly owner: number
  /** What it is counted with: its peer, or with `NOBODY` all that its owner counts so. */
  readonly counted: number
  readonly sequence: number
  readonly unread: number
  readonly key: Key | undefined
}

/** A row of the log without its payload. */
export interface LogRow {
  readonly id: number
  readonly owner1: number
  readonly peer1: number
  readonly sequence1: number
  readonly unread1: number
  readonly owner2: number
  readonly peer2: number
  readonly sequence2: number
  readonly unread2: number
  readonly flags: number
  readonly key_high: number | null
  readonly key_low: number | null
}

/** Asks for the rows (`LogRow`) of a segment after an id. */
export function logAfter(segment: number): string {
  return `SELECT id, owner1, peer1, sequence1, unread1, owner2, peer2, sequence2, unread2, flags, key_high, key_low
    FROM log_${segment} WHERE id > ? ORDER BY id`
}

/** Rows of a segment after an id. */
export function readLog(db: DatabaseSync, segment: number, after: number): Iterable<LogRow> {
  return db.prepare(logAfter(segment)).iterate(after) as unknown as Iterable<LogRow>
}

/** Whose the row is. */
export function ownersOf(row: LogRow): { owner: number; peer: number }[] {
  const owners: { owner: number; peer: number }[] = []
  if (row.owner1 > NOBODY) owners.push({ owner: row.owner1, peer: row.peer1 })
  if (row.owner2 > NOBODY) owners.push({ owner: row.owner2, peer: row.peer2 })
  return owners
}

/** What follows from a row. A key is that of the first owner. */
export function entriesOf(row: LogRow, place: { archive: number; segment: number }): NewEntry[] {
  const { id, flags, key_high: high, key_low: low } = row
  const entries: NewEntry[] = []
  if (row.owner1 > NOBODY) {
    const { owner1: owner, peer1: peer, sequence1: sequence, unread1: unread } = row
    const counted = (flags & FLAG.byOwner1) === 0 ? peer : NOBODY
    const key = high === null || low === null ? undefined : { high, low }
    entries.push({ ...place, id, owner, peer, counted, sequence, unread, key })
  }
  if (row.owner2 > NOBODY) {
    const { owner2: owner, peer2: peer, sequence2: sequence, unread2: unread } = row
    const counted = (flags & FLAG.byOwner2) === 0 ? peer : NOBODY
    entries.push({ ...place, id, owner, peer, counted, sequence, unread, key: undefined })
  }
  return entries
}
