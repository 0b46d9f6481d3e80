/** Users whose messages are erased once delivered (docs/decisions/0016), without sockets. */
import type { SessionHandle, SessionPort } from '../../src/core/session.ts'
import type { Unacknowledged } from '../../src/core/unacknowledged.ts'
import { extensions } from '../../src/extensions/index.ts'
import type { Storage } from '../../src/storage/types.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { ManualClock } from './clock.ts'
import { core } from './core.ts'

export const BOB = JID.parse('bob@localhost')
export const ALICE = JID.parse('alice@localhost')
/** Results that a client asks for at a time. */
const PAGE = 2

/** A message as a client sees it, live, in a carbon or as a result: its text, and its id in the archive. */
interface Seen {
  readonly text: string
  readonly id: string
}

type Server = ReturnType<typeof serverOf>

interface ServerOptions {
  readonly nodes?: number
  readonly storage?: Storage
  readonly clock?: ManualClock
}

/** A server that waits ten days for a device, and twenty for any. */
export function serverOf({ nodes = 1, storage, clock = new ManualClock() }: ServerOptions = {}) {
  const options = { archive: { keep: 'until-delivered', 'device-days': 10, 'undelivered-days': 20 } }
  const server = core({ extensions, clock, nodes, options, ...(storage && { storage }) })
  /** The texts of what an archive holds. */
  const archived = async (owner: JID): Promise<string[]> => {
    const { items } = await server.storage.archive('messages').page(owner, { limit: 1_000 })
    return items.map(({ payload }) => textOf(Stanza.unpack(Buffer.from(payload))))
  }
  const pass = async (ms: number): Promise<void> => {
    await server.settled()
    clock.advance(ms)
    await server.settled()
  }
  return { ...server, clock, archived, pass }
}

/** The `id` of the message with this text, in which that can't be found. */
export function idOf(text: string): string {
  return Buffer.from(text).toString('hex')
}

function textOf(message: Stanza): string {
  return message.child('body', NS.client)?.getText() ?? ''
}

/** A client that acknowledges, bob's by default; one that `asks` knows archives, the other is handed what it lacks. */
export class Client {
  /** Of all messages that it has got or written. */
  readonly texts = new Set<string>()
  #server: Server
  readonly #resource: string
  readonly #asks: boolean
  readonly #account: JID
  /** The last message it has of the archive. */
  #last: string | undefined
  #handle: SessionHandle | undefined
  /** What it has not acknowledged, and how much of that it has received. */
  #sent: Unacknowledged[] = []
  #received = 0
  #answer: Element | undefined

  constructor(server: Server, resource: string, asks: boolean, account = BOB) {
    this.#account = account
    this.#server = server
    this.#resource = resource
    this.#asks = asks
  }

  /** Whether it is signed in. */
  get here(): boolean {
    return this.#handle !== undefined
  }

  /** Signs in with its connection at a node, catches up and sends presence. */
  async signIn(node = 0): Promise<void> {
    const port: SessionPort = {
      send: (stanza, number = 0) => {
        if (stanza.kind === 'iq') this.#answer = stanza.children()[0]
        else this.#sent.push({ stanza, at: this.#server.clock.now(), number })
      },
      drained: () => {
        this.acknowledge()
        return this.#handle === undefined ? undefined : 0
      },
      close: () => {},
    }
    const router = this.#server.routers[node % this.#server.routers.length]!
    this.#handle = await router.bind(this.#account, this.#resource, port)
    this.#handle.acknowledged([])
    await this.#server.settled()
    await this.ask('set', xml('enable', { xmlns: NS.carbons }))
    if (this.#asks) await this.#catchUp()
    await this.send('presence', {})
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const place = this.#last === undefined ? [] : [xml('after', {}, this.#last)]
      const page = xml('set', { xmlns: NS.resultSets }, xml('max', {}, String(PAGE)), ...place)
      const fin = await this.ask('set', xml('query', { xmlns: NS.archive }, page))
      if (fin?.name !== 'fin') throw new Error(`${this.#resource} was refused behind ${this.#last}`)
      this.acknowledge()
      if (fin.attrs.complete === 'true') return
    }
  }

  /** Asks its account; the payload of the answer. */
  async ask(type: string, payload: Element): Promise<Element | undefined> {
    await this.send('iq', { type, id: 'q' }, payload)
    return this.#answer
  }

  /** Sends a stanza; resolves when all is settled. */
  async send(kind: Stanza['kind'], { to, ...more }: Record<string, string>, ...children: Element[]) {
    const handle = this.#handle!
    const attributes = { ...more, from: handle.jid, ...(to !== undefined && { to: JID.parse(to) }) }
    await handle.submit(Stanza.build(kind, attributes, ...children))
    await this.#server.settled()
  }

  /** Writes a message, to alice by default. */
  async write(text: string, to = 'alice@localhost'): Promise<void> {
    this.texts.add(text)
    await this.send('message', { to, type: 'chat', id: idOf(text) }, xml('body', {}, text))
  }

  /** Receives and acknowledges so many. */
  acknowledge(count = Number.POSITIVE_INFINITY): void {
    this.#receive(count)
    const done = this.#sent.splice(0, Math.min(count, this.#sent.length))
    this.#received = Math.max(0, this.#received - done.length)
    if (done.length > 0) this.#handle?.acknowledged(done)
  }

  #receive(count: number): void {
    for (const { stanza } of this.#sent.slice(this.#received, count)) {
      this.#received++
      const seen = stanza.kind === 'message' ? seenIn(stanza, this.#account) : undefined
      if (seen === undefined) continue
      this.texts.add(seen.text)
      this.#last = seen.id
    }
  }

  /** The server dies when so many more have arrived; another process follows it. */
  survive(next: Server, arrived: number): void {
    this.#receive(arrived)
    this.#handle = undefined
    this.#sent = []
    this.#received = 0
    this.#server = next
  }

  /** Its connection breaks when so many more have arrived; or it leaves in peace. */
  async leave(arrived?: number): Promise<void> {
    if (arrived === undefined) this.acknowledge()
    else this.#receive(arrived)
    const [handle, left] = [this.#handle!, this.#sent]
    this.#handle = undefined
    this.#sent = []
    this.#received = 0
    await handle.unbind(arrived !== undefined, () => left)
    await this.#server.settled()
  }
}

function seenIn(stanza: Stanza, account: JID): Seen | undefined {
  const result = stanza.child('result', NS.archive)
  const wrapper =
    result ?? stanza.child('received', NS.carbons) ?? stanza.child('sent', NS.carbons) ?? undefined
  const message = wrapper?.getChild('forwarded', NS.forward)?.getChild('message')
  const text = message === undefined ? textOf(stanza) : (message.getChildText('body') ?? '')
  const ids = message?.getChildren('stanza-id') ?? Stanza.unpack(stanza.pack()).children()
  const own = ids.find(({ name, attrs }) => name === 'stanza-id' && attrs.by === account.toString())
  const id: unknown = result?.attrs.id ?? own?.attrs.id
  return text === '' || typeof id !== 'string' ? undefined : { text, id }
}
