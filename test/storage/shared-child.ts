/** Storage processes for shared.test.ts: is asked for them by messages, answers each, and ends when it is let go. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { StorageServer } from '../../src/storage/shared/server.ts'
import { openSqliteEngine } from '../../src/storage/sqlite/open.ts'

/** Opens the storage of a folder, which has a file `time`; or ends it. */
export interface Request {
  readonly what: 'open' | 'end'
  readonly folder: string
}

const ends = new Map<string, () => Promise<void>>()

process.on('message', async ({ what, folder }: Request) => {
  if (what === 'open') await open(folder)
  else await ends.get(folder)?.()
  process.send?.(folder)
})

async function open(folder: string): Promise<void> {
  const clock = { now: () => Number(readFileSync(join(folder, 'time'), 'utf8')) }
  const engine = await openSqliteEngine({ folder: join(folder, 'data'), clock })
  const server = await StorageServer.open(join(folder, 'socket'), {
    engine,
    ephemeral: memoryEphemeral(clock),
  })
  ends.set(folder, async () => {
    await server.close()
    await engine.close()
  })
}
