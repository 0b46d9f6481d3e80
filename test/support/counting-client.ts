import { connect, type Socket } from 'node:net'
import { NS } from '../../src/xml/ns.ts'
import { Changes } from './changes.ts'
import { attribute, cutItem, type Item } from './cut-item.ts'
import { ShownMessages } from './shown-messages.ts'

/** A guard for whatever a client waits for, never reached when all is well. Milliseconds. */
const DEADLINE = 30_000

/** Who a client is, and where it connects. */
export interface CountingClientOptions {
  /** Asked at each connect. */
  readonly port: () => number
  /** Of localhost. */
  readonly user: string
  readonly password: string
  readonly resource: string
  /** Whether it tells senders that their messages have come: XEP-0184. */
  readonly receipts?: boolean
}

/** How a client comes: see `CountingClient.connect`. */
export type Coming = 'resume' | 'anew' | 'fetch' | 'resume-or-fetch'

/** A stanza that was sent; `id` if it was a message. */
interface Sent {
  readonly text: string
  readonly id: string | undefined
}

/**
 * A client of XEP-0198, written from its text and sharing nothing with src: it counts and acknowledges what it receives, knows which of
 * its messages have been acknowledged, resumes, and sends again what was not acknowledged. It can fetch its archive (XEP-0313).
 */
export class CountingClient {
  /** Ids of all messages that have come over any connection, in the order they came. */
  readonly received: string[] = []
  readonly shown = new ShownMessages()
  /** Ids of its own messages that others have told to have, in the order they told. */
  readonly ticks: string[] = []
  /** Ids of the messages that the server has acknowledged. */
  readonly acknowledged = new Set<string>()
  /** How many of its stanzas the session had handled that it could not resume last; undefined where the server did not say. */
  handledBefore: number | undefined
  readonly #options: CountingClientOptions
  #socket: Socket | undefined
  #text = ''
  /** Negotiation: what has come and nobody has taken. */
  #items: Item[] = []
  #id: string | undefined
  /** Stanzas received since stream management was enabled. */
  #handled = 0
  /** Stanzas sent since then that were acknowledged, and those that were not. */
  #counted = 0
  #unacknowledged: Sent[] = []
  #enabled = false
  /** Answers to queries of the archive: whether there was no more. */
  #fins: boolean[] = []
  readonly #changes: Changes

  constructor(options: CountingClientOptions) {
    this.#options = options
    this.#changes = new Changes(options.user)
  }

  /** Whether its connection is open, as far as it knows. */
  get connected(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed
  }

  /**
   * Connects, signs in, and goes on with its session if that was asked for and the server can; else binds its resource, sends presence
   * and, again, whatever was not acknowledged. `fetch`: anew, and it fetches from the archive what it lacks, before its presence and, for what
   * came meanwhile, after that. Resolves with what has come of it; rejects when the connection ends before.
   */
  async connect(how: Coming): Promise<'resumed' | 'new'> {
    this.#open()
    await this.#signIn()
    const resumes = how === 'resume' || how === 'resume-or-fetch'
    if (resumes && this.#id !== undefined && (await this.#resume(this.#id))) return 'resumed'
    await this.#begin(how === 'fetch' || how === 'resume-or-fetch')
    return 'new'
  }

  async #begin(fetching: boolean): Promise<void> {
    const { resource } = this.#options
    const left = this.#unacknowledged.filter(({ id }) => id !== undefined)
    this.#write(
      `<iq type='set' id='bind'><bind xmlns='${NS.bind}'><resource>${resource}</resource></bind></iq>`,
    )
    await this.#next('iq')
    this.#write(`<enable xmlns='${NS.streamManagement}' resume='true'/>`)
    this.#id = attribute((await this.#next('enabled')).tag, 'id')
    this.#enabled = true
    this.#handled = 0
    this.#counted = 0
    this.#unacknowledged = []
    if (fetching) {
      await this.#fetch().catch(error => {
        // Nothing of this session is worth resuming.
        this.#id = undefined
        this.#unacknowledged = left
        throw error
      })
    }
    const before = this.#handled
    this.#sendStanza({ text: '<presence/>', id: undefined })
    for (const one of left) this.#sendStanza(one)
    this.#ask()
    // Its own presence comes back: from now on it gets what is sent to its user.
    await this.#come(() => this.#handled > before)
    if (!fetching) return
    await this.#fetch().catch(error => {
      // A session that goes on would never show what waits for the rest of the archive.
      this.#id = undefined
      throw error
    })
  }

  /** XEP-0313: page by page, all that came after what it has. */
  async #fetch(): Promise<void> {
    this.shown.fetch()
    for (let complete = false; !complete; complete = this.#fins.shift()!) {
      const after = this.shown.last === undefined ? '' : `<after>${this.shown.last}</after>`
      const set = `<set xmlns='${NS.resultSets}'><max>20</max>${after}</set>`
      const text = `<iq type='set' id='fetch'><query xmlns='${NS.archive}'>${set}</query></iq>`
      this.#sendStanza({ text, id: undefined })
      await this.#come(() => this.#fins.length > 0)
    }
    this.shown.complete()
    this.#changes.notify()
  }

  /**
   * Sends a message, with an id of its own (XEP-0359 §3.2) or without; one in ten asks to be acknowledged. While there is no connection
   * it waits.
   */
  send(to: string, id: string, own = true): void {
    const origin = own ? `<origin-id xmlns='${NS.stanzaIds}' id='${id}'/>` : ''
    this.#sendStanza({
      text: `<message to='${to}' id='${id}' type='chat'><body>${id}</body>${origin}</message>`,
      id,
    })
    if (this.#unacknowledged.length % 10 === 0) this.#ask()
  }

  /** Waits until all messages have been acknowledged. Rejects after a while, ms. */
  async allAcknowledged(deadline?: number): Promise<void> {
    this.#ask()
    await this.until(() => !this.#unacknowledged.some(({ id }) => id !== undefined), deadline)
  }

  /** How many messages have not been acknowledged. */
  get open(): number {
    return this.#unacknowledged.length
  }

  /** Waits for something that comes with what is received. Rejects after a while. */
  until(holds: () => boolean, deadline = DEADLINE): Promise<void> {
    return this.#changes.until(holds, deadline)
  }

  /** Waits until nothing has come for so long, in milliseconds. */
  async quiet(ms: number): Promise<void> {
    for (let before = -1; before < this.received.length; ) {
      before = this.received.length
      await this.until(() => this.received.length > before, ms).catch(() => {})
    }
  }

  /** Drops its connection; stanzas that are sent from now on wait. */
  drop(): void {
    this.#socket?.destroy()
    this.#enabled = false
  }

  /** Closes its stream and waits for the end. Before that it says what it has received. */
  async close(): Promise<void> {
    if (!this.connected) return
    this.#acknowledge()
    this.#write('</stream:stream>')
    const socket = this.#socket!
    await this.until(() => socket.destroyed || socket.readableEnded)
    socket.destroy()
  }

  #open(): void {
    this.drop()
    this.#text = ''
    this.#items = []
    this.#fins = []
    const socket = connect({ port: this.#options.port(), host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => this.#changes.notify())
    socket.on('end', () => this.#changes.notify())
    socket.on('data', (chunk: Buffer) => {
      if (socket !== this.#socket) return
      this.#text += chunk.toString('latin1')
      for (let item = cutItem(this.#text); item !== undefined; item = cutItem(this.#text)) {
        this.#text = this.#text.slice(item.end)
        this.#take(item)
      }
      this.#changes.notify()
    })
  }

  async #signIn(): Promise<void> {
    const { user, password } = this.#options
    const header = `<stream:stream xmlns='jabber:client' xmlns:stream='${NS.stream}' to='localhost' version='1.0'>`
    this.#write(header)
    await this.#next('stream:features')
    const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
    this.#write(`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>${plain}</auth>`)
    await this.#next('success')
    this.#write(header)
    await this.#next('stream:features')
  }

  async #resume(id: string): Promise<boolean> {
    this.#write(`<resume xmlns='${NS.streamManagement}' previd='${id}' h='${this.#handled}'/>`)
    const answer = await this.#next('resumed', 'failed')
    const h = attribute(answer.tag, 'h')
    if (h !== undefined) this.#acknowledgedTo(Number(h))
    if (answer.name === 'failed') {
      this.handledBefore = h === undefined ? undefined : Number(h)
      return false
    }
    for (const { text } of this.#unacknowledged) this.#write(text)
    this.#ask()
    return true
  }

  /** From `<resumed/>` on what comes is counted, also what came in the same chunk. */
  #take(item: Item): void {
    if (item.name === 'resumed') this.#enabled = true
    if (!this.#enabled || item.name === 'resumed') this.#items.push(item)
    else if (item.name === 'r') this.#acknowledge()
    else if (item.name === 'a') this.#acknowledgedTo(Number(attribute(item.tag, 'h')))
    else if (item.name === 'message' || item.name === 'presence' || item.name === 'iq') {
      this.#handled++
      if (item.name === 'message') this.#takeMessage(item)
      else if (item.text.includes('<fin ')) this.#fins.push(item.text.includes('complete='))
    }
  }

  #takeMessage({ tag, text }: Item): void {
    const [result, inner] = /<result [^>]*>.*(<message [^>]*>)/.exec(text) ?? []
    const id = attribute(inner ?? tag, 'id')
    const receipt = /<received [^>]*>/.exec(text)?.[0]
    if (id === undefined) return
    const archived = attribute(result ?? /<stanza-id [^>]*>/.exec(text)?.[0] ?? '', 'id')
    if (receipt !== undefined) {
      if (result === undefined) this.ticks.push(attribute(receipt, 'id') ?? '')
      else this.shown.last = archived
      return
    }
    this.received.push(id)
    if (result === undefined) this.shown.live(id, archived)
    else this.shown.fetched(id, archived)
    if (this.#options.receipts !== true) return
    const tick = `tick-${id}`
    const received = `<received xmlns='${NS.receipts}' id='${id}'/><origin-id xmlns='${NS.stanzaIds}' id='${tick}'/>`
    const to = attribute(inner ?? tag, 'from')
    this.#sendStanza({ text: `<message to='${to}' id='${tick}' type='chat'>${received}</message>`, id: tick })
  }

  #acknowledge(): void {
    this.#write(`<a xmlns='${NS.streamManagement}' h='${this.#handled}'/>`)
  }

  #acknowledgedTo(h: number): void {
    for (const { id } of this.#unacknowledged.splice(0, h - this.#counted))
      if (id !== undefined) this.acknowledged.add(id)
    this.#counted = h
  }

  #sendStanza(sent: Sent): void {
    this.#unacknowledged.push(sent)
    if (this.#enabled) this.#write(sent.text)
  }

  #ask(): void {
    if (this.#enabled) this.#write(`<r xmlns='${NS.streamManagement}'/>`)
  }

  #write(text: string): void {
    this.#socket?.write(text)
  }

  /** Waits for something that comes over this connection. */
  async #come(holds: () => boolean): Promise<void> {
    await this.until(() => holds() || !this.connected)
    if (!holds()) throw new Error(`${this.#options.user}: the connection has ended`)
  }

  async #next(...names: string[]): Promise<Item> {
    for (;;) {
      await this.until(() => this.#items.length > 0 || !this.connected)
      const item = this.#items.shift()
      if (item === undefined) throw new Error(`the connection ended instead of ${names.join(' or ')}`)
      if (names.includes(item.name)) return item
      if (item.name === 'failure' || item.name === 'stream:error') throw new Error(item.text)
    }
  }
}
