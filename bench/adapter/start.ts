/**
 * Starts Tidings in the background for a load generator, as its README asks of an adapter: free ports of 127.0.0.1, all files below DIR,
 * N accounts with one password and one salt, no limits; prints one line of JSON when clients can sign in.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LIMITS } from '../../src/config/limits.ts'
import { software } from '../../src/core/software.ts'

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string' },
    users: { type: 'string', default: '2000' },
    mam: { type: 'string', default: '0' },
    'roster-users': { type: 'string', default: '0' },
    'roster-contacts': { type: 'string', default: '0' },
    storage: { type: 'string', default: 'sqlite' },
    workers: { type: 'string', default: '1' },
  },
})
const mam = options.mam !== '0'

const domain = 'localhost'
const userPrefix = 'user'
const password = 'pass'
const users = Number(options.users)
const directory = options.dir ?? scratch()
const tidings = fileURLToPath(new URL('../../bin/tidings.js', import.meta.url))

rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })
const [port, tlsPort, httpPort] = [await freePort(), await freePort(), await freePort()]
const config = join(directory, 'tidings.yaml')
writeFileSync(config, JSON.stringify(configuration(), null, 2))
importAccounts()
const rosters = {
  rosterUsers: Number(options['roster-users']),
  rosterContacts: Number(options['roster-contacts']),
}
if (rosters.rosterUsers > 0 && rosters.rosterContacts > 0)
  importRosters(rosters.rosterUsers, rosters.rosterContacts)
const pid = start()
writeFileSync(join(directory, 'bench.pid'), String(pid))
for (const one of [port, tlsPort, httpPort]) await listening(one)
await ready()
const accounts = { users, userPrefix, password, sharedSalt: true, mam, ...rosters }
const server = { name: 'tidings', version: software.version, host: '127.0.0.1', port, tlsPort, domain, pid }
const mucDomain = `rooms.${domain}`
const wsUrl = `ws://127.0.0.1:${httpPort}/ws`
console.log(JSON.stringify({ ...server, mucDomain, wsUrl, ...accounts, dir: directory }))
process.exit(0)

function scratch(): string {
  const { BENCH_SCRATCH } = process.env
  return BENCH_SCRATCH === undefined
    ? mkdtempSync(join(tmpdir(), 'tidings-'))
    : join(BENCH_SCRATCH, 'tidings')
}

/** JSON is YAML. */
function configuration(): object {
  const loopback = '127.0.0.1'
  return {
    hosts: [{ name: domain }],
    data: join(directory, 'data'),
    listeners: {
      xmpp: { address: loopback, port, tls: 'offered' },
      'xmpp-tls': { address: loopback, port: tlsPort },
      http: { address: loopback, port: httpPort },
      metrics: { port: 0 },
    },
    storage: { kind: options.storage },
    workers: Number(options.workers),
    limits: Object.fromEntries(Object.keys(LIMITS.fields).map(name => [name, false])),
    extensions: {
      offline: { 'messages-per-user': 10_000 },
      ...(mam
        ? { archive: { 'results-per-query': 1_000 } }
        : { archive: false, sequence: false, status: false }),
    },
    log: { level: 'warn' },
  }
}

function importAccounts(): void {
  const lines = Array.from({ length: users }, (_, index) => `${address(index)},${password}\n`)
  importFile('user', lines, '--shared-salt')
}

/** The first users in a ring: each has as contacts those next to it, half on either side, all of whom see each other. */
function importRosters(ring: number, contacts: number): void {
  const lines = Array.from({ length: ring }, (_, index) =>
    Array.from({ length: contacts / 2 }, (_, distance) => [
      `${address(index)},${address((index + distance + 1) % ring)},both\n`,
      `${address(index)},${address((index - distance - 1 + ring) % ring)},both\n`,
    ]),
  )
  importFile('roster', lines.flat(2))
}

function importFile(what: 'user' | 'roster', lines: readonly string[], ...switches: string[]): void {
  const csv = join(directory, `${what}.csv`)
  writeFileSync(csv, lines.join(''))
  const args = [tidings, what, 'import', csv, ...switches, '--config', config]
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function address(index: number): string {
  return `${userPrefix}${index}@${domain}`
}

function start(): number {
  const log = openSync(join(directory, 'server.log'), 'w')
  const child = spawn(process.execPath, [tidings, 'start', '--config', config], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  child.on('exit', code => {
    process.stderr.write(readFileSync(join(directory, 'server.log')))
    throw new Error(`the server ended with code ${code}`)
  })
  child.unref()
  return child.pid as number
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => probe.once('listening', resolve))
  const { port: free } = probe.address() as { port: number }
  await new Promise(resolve => probe.close(resolve))
  return free
}

/** The start screen is there: all workers listen. */
async function ready(): Promise<void> {
  const log = join(directory, 'server.log')
  for (let tries = 0; tries < 1_000; tries++) {
    if (readFileSync(log, 'utf8').includes('Ctrl-C')) return
    await pause(20)
  }
  throw new Error('the server does not say that it has started')
}

async function listening(on: number): Promise<void> {
  const answers = (): Promise<boolean> =>
    new Promise(resolve => {
      const socket = connect(on, '127.0.0.1', () => resolve(socket.destroy() !== undefined))
      socket.on('error', () => resolve(false))
    })
  for (let tries = 0; tries < 1_000; tries++) {
    if (await answers()) return
    await pause(20)
  }
  throw new Error(`nothing listens on port ${on}`)
}
