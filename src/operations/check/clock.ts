import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, findingsAbout } from './finding.ts'

/** Nobody had this program before. */
const EARLIEST = Date.UTC(2026, 0, 1)
/** Clocks that are set right by the network may go back this far, ms. */
const TOLERANCE_MS = 60_000

/** Does the wall clock make sense? Certificates, archives and retention rely on it. */
export async function checkClock(data: string, now: number): Promise<Finding[]> {
  const { ok, problem } = findingsAbout('clock')
  const time = new Date(now).toISOString()
  const mend = 'set it and keep it right: timedatectl set-ntp true'
  if (now < EARLIEST) return [problem(`it is not ${time}: this program is younger`, mend)]
  const written = await lastWritten(data)
  if (written <= now + TOLERANCE_MS) return [ok(time)]
  const future = new Date(written).toISOString()
  return [problem(`it is said to be ${time}, but the data were written at ${future}`, mend)]
}

/** When a file of the folder was written last, ms since 1970; 0 without any. */
async function lastWritten(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  const times = await Promise.all(
    names.map(name =>
      stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  )
  return Math.max(0, ...times)
}
