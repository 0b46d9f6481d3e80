/**
 * `node bench/reconnect.ts --target FILE [--sessions 5000] [--seconds 5]`; FILE: what bench/adapter/start has printed. A client that is told
 * to come back does so after the seconds it was told, up to half as many more; one that loses its connection after a second or two.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    sessions: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '5' },
  },
})
const target = JSON.parse(readFileSync(values.target!, 'utf8'))
const sessions = Number(values.sessions)
/** Clients that stay and talk to each other, in pairs. */
const TALKERS = 40
/** ms between two messages of a pair: one way and back. */
const EVERY = 100

/** One client's connection. */
class Client {
  readonly #socket: Socket
  #text = ''
  #changed = Promise.withResolvers<void>()
  #ended = false
  onText: ((text: string) => void) | undefined

  constructor(source: number) {
    // One address has some 28,000 ports.
    const localAddress = `127.0.0.${2 + (source % 4)}`
    this.#socket = connect({ host: target.host, port: target.port, localAddress, noDelay: true })
    this.#socket.setEncoding('utf8')
    this.#socket.on('data', (chunk: string) => {
      if (this.onText !== undefined) return this.onText(chunk)
      this.#text += chunk
      this.#wake()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  send(text: string): void {
    this.#socket.write(text)
  }

  cut(): void {
    this.#socket.destroy()
  }

  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text)
      if (match !== null) {
        this.#text = this.#text.slice(match.index + match[0].length)
        return match
      }
      if (this.#ended) throw new Error('cut')
      await this.#changed.promise
    }
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

/** What became of one attempt: signed in, or how many seconds to wait. */
type Outcome = { readonly client: Client } | { readonly retry: number }

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
const salted = new Map<string, Buffer>()

/** RFC 5802 by RFC 7677, then a resource, a roster and presence: what a client does as it comes. */
async function signIn(user: number): Promise<Outcome> {
  const client = new Client(user)
  try {
    client.send(header())
    await client.expect(/<\/stream:features>/)
    const first = `n=${target.userPrefix}${user},r=${Math.random().toString(36).slice(2)}`
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    client.send(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>${base64(`n,,${first}`)}</auth>`,
    )
    const [, challenge, failure] = await client.expect(/<challenge[^>]*>([^<]*)<|<failure(.*?)<\/failure>/)
    if (failure !== undefined) {
      client.cut()
      return { retry: Number(/again in (\d+)/.exec(failure)?.[1] ?? 5) }
    }
    client.send(
      `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${base64(proof(first, Buffer.from(challenge!, 'base64').toString()))}</response>`,
    )
    await client.expect(/<success/)
    client.send(header())
    await client.expect(/<\/stream:features>/)
    client.send(
      `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq><iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>`,
    )
    await client.expect(/<iq [^>]*id=.r.[^>]*>/)
    return { client }
  } catch {
    client.cut()
    return { retry: 1 }
  }
}

function header(): string {
  return `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${target.domain}' version='1.0'>`
}

function proof(first: string, challenge: string): string {
  const [, nonce, salt, iterations] = /r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge)!
  const key = `${salt} ${iterations}`
  const password =
    salted.get(key) ??
    pbkdf2Sync(target.password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
  salted.set(key, password)
  const last = `c=biws,r=${nonce}`
  const clientKey = hmac(password, 'Client Key')
  const stored = createHash('sha256').update(clientKey).digest()
  const signature = hmac(stored, `${first},${challenge},${last}`)
  return `${last},p=${Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64')}`
}

/** Signs in, as often as it takes; how long that took, and how often it was told to come back. */
async function insist(user: number): Promise<{ client: Client; ms: number; refused: number }> {
  const start = performance.now()
  for (let refused = 0; ; refused++) {
    const outcome = await signIn(user)
    if ('client' in outcome) return { client: outcome.client, ms: performance.now() - start, refused }
    await pause(outcome.retry * 1000 * (1 + Math.random() / 2))
  }
}

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

const quantile = (values: number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0
const told = (values: number[]) =>
  `median ${quantile(values, 0.5).toFixed(1)}, p99 ${quantile(values, 0.99).toFixed(0)}, most ${Math.max(0, ...values).toFixed(0)} ms (${values.length})`

async function all(from: number, to: number, width: number): Promise<Client[]> {
  const clients: Client[] = []
  let next = from
  const worker = async (): Promise<void> => {
    while (next < to) clients.push((await insist(next++)).client)
  }
  await Promise.all(Array.from({ length: width }, worker))
  return clients
}

const talkers = await all(0, TALKERS, 1)
const clients = await all(TALKERS, TALKERS + sessions, 32)
const quiet = await talk(talkers)
await pause(Number(values.seconds) * 1000)
quiet.stop()
await pause(500)
console.log(`${clients.length} clients. Round trips of the others before: ${told(quiet.waits)}`)
const during = await talk(talkers)
const start = performance.now()
for (const client of clients) client.cut()
const back = await Promise.all(Array.from({ length: sessions }, (_, n) => insist(TALKERS + n)))
const seconds = (performance.now() - start) / 1000
during.stop()
console.log(`All back after ${seconds.toFixed(1)} s; each: ${told(back.map(({ ms }) => ms))}`)
console.log(`Told to come back: ${back.reduce((sum, { refused }) => sum + refused, 0)} times`)
console.log(`Round trips meanwhile: ${told(during.waits)}`)
process.exit(0)
