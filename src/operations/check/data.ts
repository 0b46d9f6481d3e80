import { constants, existsSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../../config/config.ts'
import { type Finding, findingsAbout } from './finding.ts'

const MIB = 1024 * 1024
/** With less the server soon refuses messages: the write-ahead log alone may need this much. */
const LEAST_FREE = 128 * MIB
/** With less somebody should look for space. */
const LITTLE_FREE = 1024 * MIB

/** Can the data folder be used, and by nobody else? */
export async function checkData({ data, storage }: Config): Promise<Finding[]> {
  const { ok, warning, problem } = findingsAbout('data folder')
  if (storage.kind === 'memory') return []
  const folder = existing(data)
  const usable = constants.R_OK | constants.W_OK | constants.X_OK
  if (await access(folder, usable).catch(() => true))
    return [
      problem(
        `this user may not write in ${folder}`,
        `give it to the user of the server: chown -R USER ${folder}`,
      ),
    ]
  if (folder !== data) return [ok(`${data} will be made at the first start`)]
  const { mode } = await stat(data)
  if ((mode & 0o077) === 0) return [ok(`${data} is for this user only`)]
  return [warning(`other users of this machine may look into ${data}`, `chmod 700 ${data}`)]
}

/** Is there room for what is to come? */
export async function checkDisk({ data, storage }: Config): Promise<Finding[]> {
  if (storage.kind === 'memory') return []
  const { bavail, bsize } = await statfs(existing(data))
  return [freeSpace(bavail * bsize, data)]
}

/** What so many free bytes mean. */
export function freeSpace(bytes: number, data: string): Finding {
  const { ok, warning, problem } = findingsAbout('disk')
  const text = `${Math.floor(bytes / MIB)} MiB are free where ${data} lies`
  if (bytes < LEAST_FREE) return problem(text, 'make room: a full disk stops messages from being stored')
  if (bytes < LITTLE_FREE) return warning(text, 'make room before it gets less')
  return ok(text)
}

/** The folder itself, or the one that it will be made in. */
function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder))
}
