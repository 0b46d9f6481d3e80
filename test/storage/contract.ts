/** What every storage must do (ARCHITECTURE §10). Called once per back end; a back end is done when it passes with nothing skipped. */
import type { Test } from 'tap'
import type { Storage } from '../../src/storage/types.ts'
import { archiveContract } from './contract-archive.ts'
import { commitContract } from './contract-commit.ts'
import { countContract } from './contract-counts.ts'
import { eraseContract } from './contract-erase.ts'
import { markContract } from './contract-marks.ts'
import { repeatContract } from './contract-repeats.ts'
import { replaceContract } from './contract-replace.ts'
import { restoreContract } from './contract-restore.ts'
import { tableContract } from './contract-table.ts'

/** A wall clock that stands still until it is set. */
export interface TestClock {
  time: number
  now(): number
}

/** Noon of 15 January 2030: far from the ends of the month. */
export const NOON = Date.UTC(2030, 0, 15, 12)

/** How to get at a back end. */
export interface BackEnd {
  /** Opens an empty storage; the caller closes it. */
  open(clock: TestClock): Promise<Opened>
  /** Lines of the contract that do not apply, and why. */
  readonly skip?: Readonly<Record<string, string>>
}

/** A storage in a place of its own. */
export interface Opened {
  readonly storage: Storage
  /** Closes the storage and opens what it left. */
  reopen(): Promise<Storage>
}

/** A line of the contract. */
export type Line = (t: Test, opened: Opened, clock: TestClock) => Promise<void>

/** Lines by what they say. */
export type Lines = Readonly<Record<string, Line>>

/** Runs the contract. */
export function storageContract(t: Test, backEnd: BackEnd): void {
  const groups = {
    table: tableContract,
    commit: commitContract,
    archive: archiveContract,
    count: countContract,
    repeat: repeatContract,
    mark: markContract,
    erase: eraseContract,
    replace: replaceContract,
    restore: restoreContract,
  }
  for (const [group, lines] of Object.entries(groups))
    for (const [says, line] of Object.entries(lines)) {
      const skip = backEnd.skip?.[says]
      t.test(`${group}: ${says}`, skip === undefined ? {} : { skip }, t => run(t, backEnd, line))
    }
}

async function run(t: Test, backEnd: BackEnd, line: Line): Promise<void> {
  const clock: TestClock = { time: NOON, now: () => clock.time }
  const opened = await backEnd.open(clock)
  t.teardown(() => opened.storage.close())
  await line(t, opened, clock)
}
