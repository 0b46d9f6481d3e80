/** The storage contract over a real unix socket: the storage process in this process, and in another one. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Engine } from '../../src/storage/engine.ts'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { connectStorage } from '../../src/storage/shared/open.ts'
import { StorageServer } from '../../src/storage/shared/server.ts'
import { openSqliteEngine } from '../../src/storage/sqlite/open.ts'
import type { Storage } from '../../src/storage/types.ts'
import { storageContract, type TestClock } from './contract.ts'
import type { Request } from './shared-child.ts'

/** A storage process, and what ends it. */
interface Process {
  readonly path: string
  end(): Promise<void>
}

type Start = (folder: string, clock: TestClock) => Promise<Process>

t.setTimeout(240_000)

async function here(engine: Engine, folder: string, clock: TestClock): Promise<Process> {
  const path = join(folder, 'socket')
  const server = await StorageServer.open(path, { engine, ephemeral: memoryEphemeral(clock) })
  return {
    path,
    end: async () => {
      await server.close()
      await engine.close()
    },
  }
}

/** In another process, which looks at a file to tell the time. */
async function elsewhere(child: ChildProcess, folder: string, clock: TestClock): Promise<Process> {
  const time = join(folder, 'time')
  const tell = (now: number): void => writeFileSync(time, String(now))
  tell(clock.time)
  Object.defineProperty(clock, 'time', { get: () => Number(readFileSync(time, 'utf8')), set: tell })
  const ask = async (request: Request): Promise<void> => {
    child.send(request)
    await once(child, 'message')
  }
  await ask({ what: 'open', folder })
  return { path: join(folder, 'socket'), end: () => ask({ what: 'end', folder }) }
}

function contractOf(t: Test, start: Start): void {
  storageContract(t, {
    open: async clock => {
      // Short: a socket's path has 107 bytes at most.
      const folder = mkdtempSync(join(tmpdir(), 'tidings-shared-'))
      t.teardown(() => rmSync(folder, { recursive: true }))
      let running = await start(folder, clock)
      const open = async (): Promise<Storage> => (await connectStorage({ path: running.path, clock })).storage
      const storage = await open()
      t.teardown(() => running.end())
      return {
        storage,
        reopen: async () => {
          await storage.close()
          await running.end()
          running = await start(folder, clock)
          return open()
        },
      }
    },
  })
}

const sqliteHere: Start = async (folder, clock) =>
  here(await openSqliteEngine({ folder: join(folder, 'data'), clock }), folder, clock)

t.test('SQLite, in this process', { timeout: 120_000 }, async t => contractOf(t, sqliteHere))
t.test('SQLite, in another process', { timeout: 120_000 }, async t => {
  const child = fork(join(import.meta.dirname, 'shared-child.ts'))
  t.teardown(() => child.disconnect())
  contractOf(t, (folder, clock) => elsewhere(child, folder, clock))
})
