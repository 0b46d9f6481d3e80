/** Clients for benchmarks: they sign in as real ones do, and read no XML but what they wait for. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** What bench/adapter/start prints, as far as clients need it. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly domain: string
  /** Users are called this and a number; all have one password. */
  readonly userPrefix: string
  readonly password: string
}

/** One client's connection. */
export class Client {
  readonly #socket: Socket
  #text = ''
  #changed = Promise.withResolvers<void>()
  #ended = false
  /** Gets what comes from then on, instead of `expect()`. */
  onText: ((text: string) => void) | undefined

  /** `source` chooses one of four addresses of this machine. */
  constructor(target: Target, source: number) {
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

  /** What comes from then on is of no interest. */
  ignore(): void {
    this.#socket.removeAllListeners('data')
    this.#socket.resume()
  }

  /** Ends without a word. */
  cut(): void {
    this.#socket.destroy()
  }

  /** What comes first that looks like this; rejects when the connection ends. */
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
export async function signIn(target: Target, user: number, resource = 'r'): Promise<Outcome> {
  const client = new Client(target, user)
  try {
    client.send(header(target))
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
      `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${base64(proof(target.password, first, Buffer.from(challenge!, 'base64').toString()))}</response>`,
    )
    await client.expect(/<success/)
    client.send(header(target))
    await client.expect(/<\/stream:features>/)
    client.send(
      `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq><iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>`,
    )
    await client.expect(/<iq [^>]*id=.r.[^>]*>/)
    return { client }
  } catch {
    client.cut()
    return { retry: 1 }
  }
}

function header(target: Target): string {
  return `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${target.domain}' version='1.0'>`
}

function proof(secret: string, first: string, challenge: string): string {
  const [, nonce, salt, iterations] = /r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge)!
  const key = `${salt} ${iterations}`
  const password =
    salted.get(key) ?? pbkdf2Sync(secret, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
  salted.set(key, password)
  const last = `c=biws,r=${nonce}`
  const clientKey = hmac(password, 'Client Key')
  const stored = createHash('sha256').update(clientKey).digest()
  const signature = hmac(stored, `${first},${challenge},${last}`)
  return `${last},p=${Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64')}`
}

/** Signs in, as often as it takes; how long that took, and how often it was told to come back. */
export async function insist(
  target: Target,
  user: number,
  resource?: string,
): Promise<{ client: Client; ms: number; refused: number }> {
  const start = performance.now()
  for (let refused = 0; ; refused++) {
    const outcome = await signIn(target, user, resource)
    if ('client' in outcome) return { client: outcome.client, ms: performance.now() - start, refused }
    await pause(outcome.retry * 1000 * (1 + Math.random() / 2))
  }
}

/** Signs in the users from one number up to another, `width` at a time; in no certain order. */
export async function signInAll(target: Target, from: number, to: number, width: number): Promise<Client[]> {
  const clients: Client[] = []
  let next = from
  const worker = async (): Promise<void> => {
    while (next < to) clients.push((await insist(target, next++)).client)
  }
  await Promise.all(Array.from({ length: width }, worker))
  return clients
}

/** The least value that this part (0 to 1) of the values does not exceed; sorts a copy. */
export const quantile = (values: readonly number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0
