/**
 * What a hop between nodes costs: microseconds of CPU of both processes together, for frames of about 330 bytes that go one way, and for
 * requests with their answers (two hops), many at a time. `node bench/links.ts [seconds]`
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Links } from '../src/cluster/links/links.ts'
import type { Place } from '../src/cluster/links/sockets.ts'
import { systemClock } from '../src/core/clock.ts'

const STANZA = Buffer.alloc(290, 'x')
/** Frames under way at a time: as many busy sessions. */
const WINDOW = 500
const BATCH = 100

const open = (node: string, listen: Place, encrypted: boolean): Promise<Links> =>
  Links.open({
    node,
    secret: 'a secret of benchmarks',
    listen,
    encrypted,
    clock: systemClock,
    report: () => {},
    broken: name => {
      throw new Error(`${name} takes nothing`)
    },
  })

if (process.send === undefined) await measureAll(Number(process.argv[2] ?? 3))
else await serve(JSON.parse(process.argv[2] as string))

/** The other process: answers, and says what it has used of the processor when it is asked. */
async function serve({ listen, encrypted }: { listen: Place; encrypted: boolean }): Promise<void> {
  const links = await open('two', listen, encrypted)
  links.serve(frame => (frame.op === 'cpu' ? { used: used() } : { handled: true }))
  process.once('disconnect', () => process.exit())
  process.send?.(links.address)
}

async function measureAll(seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-links-'))
  const tcp = { host: '127.0.0.1', port: 0 }
  await measure('socket of the machine', { path: join(folder, 'two') }, false, seconds)
  await measure('TCP', tcp, false, seconds)
  await measure('TLS', tcp, true, seconds)
  rmSync(folder, { recursive: true })
}

async function measure(name: string, listen: Place, encrypted: boolean, seconds: number): Promise<void> {
  const child = fork(import.meta.filename, [JSON.stringify({ listen, encrypted })])
  const [address] = (await once(child, 'message')) as [string]
  const links = await open('one', { host: '127.0.0.1', port: 0 }, encrypted)
  links.serve(() => ({}))
  links.reach('two', address)
  const frame = { op: 'receive', stanza: STANZA, by: 17 }
  const ask = async (): Promise<number> => {
    await links.request('two', frame)
    return 2
  }
  // The last one is a request, so that what is under way stays bounded.
  const tell = async (): Promise<number> => {
    for (let i = 1; i < BATCH; i++) links.notify('two', frame)
    await links.request('two', frame)
    return BATCH + 1
  }
  for (const [what, lanes, one] of [
    ['one way', WINDOW / BATCH, tell],
    ['request and answer', WINDOW, ask],
  ] as const) {
    await rounds(lanes, one, 1)
    const before = used() + Number((await links.request('two', { op: 'cpu' })).used)
    const started = performance.now()
    const hops = await rounds(lanes, one, seconds)
    await links.settled()
    const rate = hops / ((performance.now() - started) / 1e3)
    const after = used() + Number((await links.request('two', { op: 'cpu' })).used)
    const price = (after - before) / hops
    console.log(
      `${name.padEnd(22)} ${what.padEnd(20)} ${price.toFixed(2).padStart(6)} us a hop ${Math.round(rate)}/s`,
    )
  }
  await links.close()
  child.disconnect()
  await once(child, 'exit')
}

/** Keeps so many under way for a time, each followed by the next one; how many hops there were. */
async function rounds(lanes: number, one: () => Promise<number>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1e3
  let hops = 0
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      const more = await one()
      hops += more
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return hops
}

/** Microseconds of the processor, kernel included. */
function used(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
