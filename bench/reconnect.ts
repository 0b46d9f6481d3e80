/**
 * `node bench/reconnect.ts --target FILE [--sessions 5000] [--seconds 5]`; FILE: what bench/adapter/start has printed. A client that is told
 * to come back does so after the seconds it was told, up to half as many more; one that loses its connection after a second or two.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Client, insist, quantile, signInAll, type Target } from './clients.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    sessions: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '5' },
  },
})
const target: Target = JSON.parse(readFileSync(values.target!, 'utf8'))
const sessions = Number(values.sessions)
/** Clients that stay and talk to each other, in pairs. */
const TALKERS = 40
/** ms between two messages of a pair: one way and back. */
const EVERY = 100

/** Has pairs of clients talk until told to stop; the round trips, ms. */
async function talk(talkers: readonly Client[]): Promise<{ stop(): void; waits: number[] }> {
  const waits: number[] = []
  const timers = talkers.flatMap((client, index) => {
    if (index % 2 === 1) {
      client.onText = text => {
        for (const [, at] of text.matchAll(/<body>([\d.]+)<\/body>/g))
          client.send(message(index - 1, Number(at)))
      }
      return []
    }
    client.onText = text => {
      for (const [, at] of text.matchAll(/<body>([\d.]+)<\/body>/g))
        waits.push(performance.now() - Number(at))
    }
    return [setInterval(() => client.send(message(index + 1, performance.now())), EVERY)]
  })
  return { stop: () => timers.forEach(timer => void clearInterval(timer)), waits }
}

function message(to: number, at: number): string {
  return `<message to='${target.userPrefix}${to}@${target.domain}/r' type='chat'><body>${at}</body></message>`
}

const told = (values: number[]) =>
  `median ${quantile(values, 0.5).toFixed(1)}, p99 ${quantile(values, 0.99).toFixed(0)}, most ${Math.max(0, ...values).toFixed(0)} ms (${values.length})`

const talkers = await signInAll(target, 0, TALKERS, 1)
const clients = await signInAll(target, TALKERS, TALKERS + sessions, 32)
const quiet = await talk(talkers)
await pause(Number(values.seconds) * 1000)
quiet.stop()
await pause(500)
console.log(`${clients.length} clients. Round trips of the others before: ${told(quiet.waits)}`)
const during = await talk(talkers)
const start = performance.now()
for (const client of clients) client.cut()
const back = await Promise.all(Array.from({ length: sessions }, (_, n) => insist(target, TALKERS + n)))
const seconds = (performance.now() - start) / 1000
during.stop()
console.log(`All back after ${seconds.toFixed(1)} s; each: ${told(back.map(({ ms }) => ms))}`)
console.log(`Told to come back: ${back.reduce((sum, { refused }) => sum + refused, 0)} times`)
console.log(`Round trips meanwhile: ${told(during.waits)}`)
process.exit(0)
