/**
 * `npm run bench`: our server under the load generator of ../shared/bench, beside others in the same minutes; prints the medians as a table.
 *
 *   npm run bench                                         ours and the relay that marks the physical limit
 *   npm run bench -- --servers tidings,ejabberd,prosody   beside peers (installed by their adapters)
 *   npm run bench -- --scenarios chat,login --rounds 5
 *   npm run bench -- --scenarios idle,empty               memory: each with a server of its own
 *
 * Rounds alternate between the servers, so that a slow minute of the machine does not hit one of them alone.
 * TIDINGS_BENCH is the folder of the generator, if it is not ../shared/bench.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureEmpty } from './bench/empty.ts'

/** Scenarios by the name that the table shows; run in this order, so that a fresh process is warm before it meets low rates. */
const SCENARIOS: Readonly<Record<string, string>> = {
  chat: 'chat:window=4,pairs=100,duration=6',
  'chat-tls': 'chat:window=4,tls=direct,pairs=100,duration=6',
  'chat-ws': 'chat:window=4,transport=ws,pairs=100,duration=6',
  'chat-rate': 'chat:mode=rate,rate=1000,pairs=100,duration=6',
  login: 'login:n=1000',
  'login-tls': 'login:n=500,tls=direct',
  offline: 'offline:n=50,each=100,first=1000',
  'chat+mam': 'chat+mam:window=4,pairs=100,duration=6',
  'chat+mam-rate': 'chat+mam:mode=rate,rate=300,pairs=100,duration=6',
  'chat+mam-mobile': 'chat+mam:mode=rate,rate=300,tls=direct,sm=1,receipts=1,pairs=100,duration=6',
  'mam-query': 'mam-query:messages=10000,page=50,rounds=3',
  presence: 'presence:',
  muc: 'muc:rooms=2,occupants=256,window=1,duration=6',
  'muc-busy': 'muc:rooms=2,occupants=256,window=8,duration=6',
  'muc-rate': 'muc:rooms=2,occupants=256,mode=rate,rate=50,duration=6',
  idle: 'idle:n=10000',
  'idle-tls': 'idle:n=2000,tls=direct',
  'idle-ws': 'idle:n=10000,transport=ws',
}
/** Those that look at memory: each in a server that has done nothing else. */
const ALONE = ['idle', 'idle-tls', 'idle-ws']
/** Those that need a server with archives, or with contacts; all others have one without. */
const ARCHIVED = ['chat+mam', 'chat+mam-rate', 'chat+mam-mobile', 'mam-query']
const CONTACTS = ['presence']
const PLAIN = ['--mam', '0']
/** Those that a relay can do: it knows neither sign-in nor TLS. */
const RELAYED = ['chat', 'chat-rate']
const RELAY = 'relay'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BENCH = process.env.TIDINGS_BENCH ?? join(ROOT, '../shared/bench')

const { values: options } = parseArgs({
  options: {
    servers: { type: 'string', default: `tidings,${RELAY}` },
    scenarios: {
      type: 'string',
      default: 'chat,chat-tls,chat-rate,login,login-tls,offline,chat+mam,mam-query',
    },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string' },
  },
})
const servers = options.servers.split(',')
const scenarios = options.scenarios.split(',')
const scratch = options.out ?? mkdtempSync(join(tmpdir(), 'tidings-bench-'))
mkdirSync(scratch, { recursive: true })
const results = join(scratch, 'results.jsonl')

for (const name of scenarios)
  if (name !== 'empty' && SCENARIOS[name] === undefined)
    throw new Error(`no scenario "${name}": ${[...Object.keys(SCENARIOS), 'empty'].join(', ')}`)
if (!existsSync(join(BENCH, 'xmppload.mjs')))
  throw new Error(`no load generator in ${BENCH}: set TIDINGS_BENCH`)

const together = scenarios.filter(name => name !== 'empty' && !ALONE.includes(name))
runTogether(
  together.filter(name => !ARCHIVED.includes(name) && !CONTACTS.includes(name)),
  PLAIN,
)
runTogether(
  together.filter(name => ARCHIVED.includes(name)),
  ['--mam', '1'],
)
runTogether(
  together.filter(name => CONTACTS.includes(name)),
  [...PLAIN, '--roster-users', '500', '--roster-contacts', '50'],
)
for (const name of scenarios.filter(one => ALONE.includes(one)))
  for (const server of servers) runAlone(server, name)
if (existsSync(results)) {
  console.log(`\nMedians (raw runs: ${results})\n`)
  console.log(execFileSync('node', [join(BENCH, 'summarize.mjs'), results], { encoding: 'utf8' }))
}
if (scenarios.includes('empty')) console.log(await measureEmpty(scratch, Number(options.rounds)))

/** All servers up, rounds alternate. */
function runTogether(names: readonly string[], wanted: readonly string[]): void {
  if (names.length === 0) return
  const able = servers.filter(server => server !== RELAY || names.some(name => RELAYED.includes(name)))
  const running = able.map(server => ({ server, target: start(server, 3_000, wanted) }))
  try {
    for (let round = 0; round < Number(options.rounds); round++)
      for (const { server, target } of running)
        load(target, server === RELAY ? names.filter(name => RELAYED.includes(name)) : names)
  } finally {
    for (const { server } of running) stop(server)
  }
}

function runAlone(server: string, name: string): void {
  if (server === RELAY) return
  const sessions = Number(/n=(\d+)/.exec(SCENARIOS[name] as string)?.[1])
  const target = start(server, sessions + 300, PLAIN)
  try {
    load(target, [name])
  } finally {
    stop(server)
  }
}

/** Starts a server with its adapter and these options of that; the file that says where it is. */
function start(server: string, users: number, wanted: readonly string[]): string {
  const target = join(scratch, `${server}.json`)
  console.error(`starting ${server}`)
  if (server === RELAY) writeFileSync(target, startRelay())
  else {
    const args = ['--dir', join(scratch, server), '--users', String(users), ...wanted]
    writeFileSync(
      target,
      execFileSync(adapter(server, 'start'), args, { stdio: ['ignore', 'pipe', 'inherit'] }),
    )
  }
  return target
}

/** The relay prints its line at once and runs until it is told to stop. */
function startRelay(): string {
  const out = join(scratch, 'relay.out')
  const script = `"$1" "$2" route > "$3" & echo $! > "$4"; until [ -s "$3" ]; do sleep 0.1; done`
  const args = [
    '-c',
    script,
    'sh',
    process.execPath,
    join(BENCH, 'relay.mjs'),
    out,
    join(scratch, 'relay.pid'),
  ]
  execFileSync('sh', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  return readFileSync(out, 'utf8')
}

function stop(server: string): void {
  if (server === RELAY) process.kill(Number(readFileSync(join(scratch, 'relay.pid'), 'utf8')))
  else spawnSync(adapter(server, 'stop'), [join(scratch, server)], { stdio: 'inherit' })
}

function adapter(server: string, which: 'start' | 'stop'): string {
  return server === 'tidings' ? join(ROOT, 'bench/adapter', which) : join(BENCH, 'servers', server, which)
}

function load(target: string, names: readonly string[]): void {
  const list = names.map(name => `${SCENARIOS[name]},label=${name}`).join(';')
  const args = [join(BENCH, 'xmppload.mjs'), '--target', target, '--scenario', list, '--out', results]
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`the load generator ended with ${status}`)
}
