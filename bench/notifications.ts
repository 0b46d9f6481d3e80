/**
 * `node bench/notifications.ts --target FILE [--subscribers 1000] [--items 100] [--window 1] [--rounds 3]`; FILE: what bench/adapter/start, or
 * one of the adapters of ../shared/bench, has printed. What a notification costs the server (XEP-0060 §7.1.2): one user publishes to a node of
 * the service that many have subscribed to, each with a client of his own; `window` items are under way at a time.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Client, insist, quantile, signInAll, type Target } from './clients.ts'
import { alone, cpuOf } from './cluster/machine.ts'
import { addressOf } from './talk.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    subscribers: { type: 'string', default: '1000' },
    items: { type: 'string', default: '100' },
    window: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
  },
})
const target: Target & { readonly name: string; readonly pid: number } = JSON.parse(
  readFileSync(values.target!, 'utf8'),
)
const [subscribers, items, window, rounds] = [
  Number(values.subscribers),
  Number(values.items),
  Number(values.window),
  Number(values.rounds),
]
const service = `pubsub.${target.domain}`
const NODE = `bench-${process.pid}`
const TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(4)

const request = (id: string, content: string): string =>
  `<iq type='set' to='${service}' id='${id}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>${content}</pubsub></iq>`

const { client: publisher } = await insist(target, 0)
publisher.send(request('create', `<create node='${NODE}'/>`))
await publisher.expect(/<iq [^>]*id=.create.[^>]*>/)
const clients = await signInAll(target, 1, subscribers + 1, 32)
// Which user each of them is nobody knows: each subscribes the address that it is told.
await Promise.all(clients.map(subscribe))

let got = 0
let wanted = Number.POSITIVE_INFINITY
let reached = Promise.withResolvers<void>()
for (const client of clients) {
  let rest = ''
  client.onText = chunk => {
    const text = rest + chunk
    const parts = text.split('</event>')
    got += parts.length - 1
    rest = parts.at(-1)!.slice(-10)
    if (got >= wanted) reached.resolve()
  }
}
publisher.ignore()

for (let round = 0; round < rounds; round++) {
  const { ms, cpu, seconds } = await alone(run)
  const each = (cpu * 1e6) / (items * clients.length)
  console.log(
    JSON.stringify({
      server: target.name,
      subscribers: clients.length,
      items,
      window,
      cpu_us_per_notification: Number(each.toFixed(2)),
      notifications_per_second: Math.round((items * clients.length) / seconds),
      ms_until_all_have_it: { p50: Math.round(quantile(ms, 0.5)), p99: Math.round(quantile(ms, 0.99)) },
    }),
  )
}
for (const client of [publisher, ...clients]) client.cut()

/** Publishes all items; how long each took until everybody had it, and what the server used meanwhile. */
async function run(): Promise<{ ms: readonly number[]; cpu: number; seconds: number }> {
  const ms: number[] = []
  const before = cpuOf(target.pid)
  const start = performance.now()
  const base = got
  for (let n = 0; n < items; n += window) {
    const since = performance.now()
    reached = Promise.withResolvers()
    wanted = base + Math.min(items, n + window) * clients.length
    for (let i = n; i < Math.min(items, n + window); i++)
      publisher.send(
        request(
          `p${i}`,
          `<publish node='${NODE}'><item id='i${i % 10}'><entry xmlns='http://www.w3.org/2005/Atom'><title>${i}</title><summary>${TEXT}</summary></entry></item></publish>`,
        ),
      )
    await reached.promise
    ms.push(performance.now() - since)
  }
  return { ms, cpu: cpuOf(target.pid) - before, seconds: (performance.now() - start) / 1000 }
}

async function subscribe(client: Client): Promise<void> {
  client.send(
    `<iq type='get' id='who' to='${target.domain}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  )
  const [, user] = await client.expect(new RegExp(`<iq [^>]*to=.${target.userPrefix}(\\d+)@`))
  const jid = addressOf(target, Number(user))
  client.send(request('subscribe', `<subscribe node='${NODE}' jid='${jid}'/>`))
  await client.expect(/<iq [^>]*id=.subscribe.[^>]*>/)
}
