/**
 * `npm run dev`: a server for development. It starts anew when a source file changes, has accounts ready and tells of every stanza.
 * Its data lies in data/dev and outlives restarts; `--fresh` begins with none.
 */
import { spawn } from 'node:child_process'
import { rmSync, watch as watchFolder } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { JID } from '../src/xml/jid.ts'
import { trace } from './dev/trace.ts'

const DATA = 'data/dev'
const USERS = ['alice', 'bob', 'carol']
const PASSWORD = 'secret'

if (process.env.TIDINGS_DEV === undefined) watch()
else await serve()

/** Runs this file again as the server, and anew whenever a source changes. (Node's own --watch talks into the messages of worker threads.) */
function watch(): void {
  if (process.argv.includes('--fresh')) rmSync(DATA, { recursive: true, force: true })
  const env = { ...process.env, TIDINGS_DEV: '1' }
  const run = () => spawn(process.execPath, [fileURLToPath(import.meta.url)], { stdio: 'inherit', env })
  let server = run()
  let ending = false
  let waiting: NodeJS.Timeout | undefined
  const restart = (): void => {
    if (ending) return
    const next = (): void => {
      ending = false
      server = run()
    }
    // One that could not start is gone already.
    if (server.exitCode !== null) next()
    else {
      ending = true
      server.once('exit', next)
      server.kill()
    }
  }
  // Editors write a file in several steps.
  const changed = (): void => {
    clearTimeout(waiting)
    waiting = setTimeout(restart, 100)
  }
  const watchers = ['src', 'config'].map(folder => watchFolder(folder, { recursive: true }, changed))
  const end = (): void => {
    for (const watcher of watchers) watcher.close()
    clearTimeout(waiting)
    server.removeAllListeners('exit')
    server.kill()
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
}

async function serve(): Promise<void> {
  const { createLogger } = await import('../src/cli/logger.ts')
  const { untilStopped } = await import('../src/cli/signals.ts')
  const { startScreen } = await import('../src/cli/start-screen.ts')
  const { configFrom } = await import('../src/config/load.ts')
  const { extensions } = await import('../src/extensions/index.ts')
  const { startServer } = await import('../src/main.ts')
  const config = configFrom({ data: DATA }, { extensions })
  const log = createLogger('warn')
  const server = await startServer(config, { log })
  for (const user of USERS) {
    const jid = JID.parse(`${user}@localhost`)
    if (!(await server.accounts.exists(jid))) await server.accounts.create(jid, PASSWORD)
  }
  for (const host of server.hosts) trace(host, line => console.log(line))
  console.log(startScreen(config, server, undefined))
  console.log(`  Accounts     ${USERS.map(user => `${user}@localhost`).join(', ')}; password: ${PASSWORD}\n`)
  process.exitCode = await untilStopped(server, log)
}
