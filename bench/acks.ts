/**
 * `node bench/acks.ts --target FILE [--pairs 100] [--seconds 8] [--rate N]`; FILE: what bench/adapter/start has printed. How long a sender
 * waits until his message is acknowledged (XEP-0198), which means stored: each message asks for it. First a closed loop finds out how many
 * messages a second there can be; then half as many are sent (or `--rate`), each at its time, and a wait counts from when it was due.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Client, quantile, signInAll, type Target } from './clients.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    pairs: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '8' },
    rate: { type: 'string' },
  },
})
const target: Target = JSON.parse(readFileSync(values.target!, 'utf8'))
const pairs = Number(values.pairs)
const seconds = Number(values.seconds)
/** Messages of a sender that are not acknowledged, in the closed loop. */
const WINDOW = 4
/** ms between two looks at which messages are due. */
const TICK = 1
const WARM_UP_MS = 2_000
const BODY =
  'The quick brown fox jumps over the lazy dog, and comes back to see whether it has moved. '.repeat(2)

/** Somebody who writes to one other, and looks when it is acknowledged. */
class Sender {
  readonly #client: Client
  readonly #to: string
  /** When the messages that are not acknowledged were due, oldest first. */
  #open: number[] = []
  #acknowledged = 0
  #sent = 0
  /** Told each wait, ms. */
  onAcknowledged: (wait: number) => void = () => {}

  private constructor(client: Client, to: string) {
    this.#client = client
    this.#to = to
  }

  /** Switches stream management on. */
  static async start(client: Client, to: string): Promise<Sender> {
    client.send("<enable xmlns='urn:xmpp:sm:3'/>")
    await client.expect(/<enabled[^>]*>/)
    const sender = new Sender(client, to)
    client.onText = text => {
      const last = text.lastIndexOf('<a ')
      if (last >= 0) sender.#take(Number(/h=.(\d+)/.exec(text.slice(last))?.[1] ?? 0))
      if (text.includes('<r ')) client.send("<a xmlns='urn:xmpp:sm:3' h='0'/>")
    }
    return sender
  }

  get open(): number {
    return this.#open.length
  }

  send(due: number): void {
    this.#open.push(due)
    this.#client.send(
      `<message to='${this.#to}' type='chat' id='m${this.#sent++}'><body>${BODY}</body></message><r xmlns='urn:xmpp:sm:3'/>`,
    )
  }

  #take(h: number): void {
    const now = performance.now()
    for (const due of this.#open.splice(0, h - this.#acknowledged)) this.onAcknowledged(now - due)
    this.#acknowledged = h
  }
}

/** Messages a second when each sender keeps some open. */
async function closedLoop(senders: readonly Sender[]): Promise<number> {
  let count = 0
  let going = true
  for (const sender of senders) {
    sender.onAcknowledged = () => {
      count++
      if (going) sender.send(performance.now())
    }
    for (let n = 0; n < WINDOW; n++) sender.send(performance.now())
  }
  await pause(WARM_UP_MS)
  const [before, start] = [count, performance.now()]
  await pause(seconds * 1000)
  const rate = ((count - before) / (performance.now() - start)) * 1000
  going = false
  while (senders.some(({ open }) => open > 0)) await pause(10)
  return rate
}

/** The waits, ms, when so many messages a second are sent in all. */
async function atRate(senders: readonly Sender[], rate: number): Promise<number[]> {
  const waits: number[] = []
  const start = performance.now()
  const end = WARM_UP_MS + seconds * 1000
  for (const sender of senders)
    sender.onAcknowledged = wait => {
      if (performance.now() - start > WARM_UP_MS) waits.push(wait)
    }
  for (let sent = 0; ; await pause(TICK)) {
    const passed = performance.now() - start
    if (passed > end) break
    for (; sent < (passed * rate) / 1000; sent++)
      senders[sent % senders.length]!.send(start + (sent / rate) * 1000)
  }
  while (senders.some(({ open }) => open > 0)) await pause(10)
  return waits
}

const [recipients, clients] = [
  await signInAll(target, 0, pairs, 16),
  await signInAll(target, pairs, 2 * pairs, 16),
]
for (const recipient of recipients) recipient.ignore()
const senders = await Promise.all(
  clients.map((client, n) => Sender.start(client, `${target.userPrefix}${n}@${target.domain}`)),
)
let rate = Number(values.rate)
if (values.rate === undefined) {
  const most = await closedLoop(senders)
  console.log(
    `Closed loop, ${WINDOW} messages open of each of ${pairs}: ${most.toFixed(0)} messages/s acknowledged`,
  )
  rate = most / 2
}
const waits = await atRate(senders, rate)
const [half, most, worst] = [0.5, 0.99, 1].map(q => quantile(waits, q).toFixed(1))
console.log(
  `At ${rate.toFixed(0)} messages/s (${waits.length} in ${seconds} s): acknowledged after p50 ${half}, p99 ${most}, most ${worst} ms`,
)
process.exit(0)
