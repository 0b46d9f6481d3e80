/**
 * `node bench/reconnect.ts --target FILE [--sessions 5000] [--seconds 5]`; FILE: what bench/adapter/start has printed. A client that is told
 * to come back does so after the seconds it was told, up to half as many more; one that loses its connection after a second or two.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { insist, signInAll, type Target } from './clients.ts'
import { addressOf, type Talker, talk, told } from './talk.ts'

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

const talkers = (await signInAll(target, 0, TALKERS, 1)).map(
  (client, user): Talker => ({ client, address: `${addressOf(target, user)}/r` }),
)
const clients = await signInAll(target, TALKERS, TALKERS + sessions, 32)
const quiet = talk(talkers)
await pause(Number(values.seconds) * 1000)
quiet.stop()
await pause(500)
console.log(`${clients.length} clients. Round trips of the others before: ${told(quiet.waits)}`)
const during = talk(talkers)
const start = performance.now()
for (const client of clients) client.cut()
const back = await Promise.all(Array.from({ length: sessions }, (_, n) => insist(target, TALKERS + n)))
const seconds = (performance.now() - start) / 1000
during.stop()
console.log(`All back after ${seconds.toFixed(1)} s; each: ${told(back.map(({ ms }) => ms))}`)
console.log(`Told to come back: ${back.reduce((sum, { refused }) => sum + refused, 0)} times`)
console.log(`Round trips meanwhile: ${told(during.waits)}`)
process.exit(0)
