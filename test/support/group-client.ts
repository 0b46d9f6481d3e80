import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { NS } from '../../src/xml/ns.ts'
import { Changes } from './changes.ts'
import { attribute, cutItem, type Item } from './cut-item.ts'

/** A guard for whatever a client waits for, never reached when all is well. Milliseconds. */
const DEADLINE = 60_000
/** Between two tries to connect, ms. */
const PATIENCE = 200
const PAGE = 100

/** Who a client is, and where it connects. */
export interface GroupClientOptions {
  /** Asked at each connect. */
  readonly port: () => number
  /** Of localhost. */
  readonly user: string
  readonly password: string
  /** The room's bare JID. */
  readonly room: string
}

/** A message of the room: the id in the room's archive (XEP-0359), and its body. */
export interface Seen {
  readonly id: string
  readonly body: string
}

/**
 * A client of XEP-0045, written from its text and sharing nothing with src. It says things until the room reflects them, and whenever it has
 * come (again) it fetches from the room's archive (XEP-0313) what it lacks. What has the id of something that it has seen it throws away.
 */
export class GroupClient {
  /** All messages of the room, in the order in which a user would see them. */
  readonly seen: Seen[] = []
  /** Groupchat stanzas that came though it had not entered: there must be none. */
  strays = 0
  /** Connections that broke. */
  breaks = 0
  readonly user: string
  readonly #options: GroupClientOptions
  readonly #known = new Set<string>()
  readonly #answers = new Map<string, (item: Item) => void>()
  /** Said, and not reflected yet: body by origin-id. */
  readonly #open = new Map<string, string>()
  #socket: Socket | undefined
  #text = ''
  #items: Item[] = []
  readonly #changes: Changes
  #negotiated = false
  #entered = false
  /** Live messages that wait until the archive has been read. */
  #waiting: Seen[] | undefined
  #staying = false

  constructor(options: GroupClientOptions) {
    this.user = options.user
    this.#options = options
    this.#changes = new Changes(options.user)
  }

  /** Signs in. Rejects when the connection ends before that is done. */
  async connect(): Promise<void> {
    this.#text = ''
    this.#items = []
    this.#negotiated = false
    this.#entered = false
    this.#waiting = undefined
    const socket = connect({ port: this.#options.port(), host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => this.#gone(socket))
    socket.on('data', (chunk: Buffer) => {
      if (socket !== this.#socket) return
      this.#text += chunk.toString()
      for (let item = cutItem(this.#text); item !== undefined; item = cutItem(this.#text)) {
        this.#text = this.#text.slice(item.end)
        this.#take(item)
      }
      this.#changes.notify()
    })
    const { user, password } = this.#options
    const header = `<stream:stream xmlns='jabber:client' xmlns:stream='${NS.stream}' to='localhost' version='1.0'>`
    this.#write(header)
    await this.#next('stream:features')
    const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
    this.#write(`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>${plain}</auth>`)
    await this.#next('success')
    this.#write(header)
    await this.#next('stream:features')
    this.#negotiated = true
    await this.ask('set', `<bind xmlns='${NS.bind}'><resource>r</resource></bind>`)
    this.#write('<presence/>')
  }

  /** Enters the room, fetches what it lacks, and says again what was not reflected. */
  async enter(): Promise<void> {
    this.#waiting = []
    const join = `<x xmlns='${NS.room}'><history maxstanzas='0'/></x>`
    this.#write(`<presence to='${this.#options.room}/${this.user}'>${join}</presence>`)
    await this.until(() => this.#entered)
    await this.#fetch()
    for (const message of this.#waiting) this.#add(message)
    this.#waiting = undefined
    for (const [id, body] of this.#open) this.#say(id, body)
  }

  /** The same, and whenever its connection breaks it comes again, until it leaves. */
  async stay(): Promise<void> {
    this.#staying = true
    await this.connect()
    await this.enter()
  }

  /** Signs in, without entering, and fetches what it lacks. */
  async catchUp(): Promise<void> {
    await this.connect()
    await this.#fetch()
  }

  /** Says something, once: again after a break, until it is reflected. */
  say(body: string): void {
    const id = randomUUID()
    this.#open.set(id, body)
    if (this.#entered && this.#waiting === undefined) this.#say(id, body)
  }

  /** How many of its messages have not been reflected. */
  get open(): number {
    return this.#open.size
  }

  /** Asks the room, or without `to` the server; resolves with the answer. */
  async ask(type: 'get' | 'set', payload: string, to?: string): Promise<Item> {
    const id = randomUUID()
    const { promise, resolve } = Promise.withResolvers<Item>()
    this.#answers.set(id, resolve)
    const address = to === undefined ? '' : ` to='${to}'`
    this.#write(`<iq type='${type}' id='${id}'${address}>${payload}</iq>`)
    const socket = this.#socket
    let answer: Item | undefined
    void promise.then(item => {
      answer = item
      this.#changes.notify()
    })
    await this.until(() => answer !== undefined || socket !== this.#socket || socket?.destroyed === true)
    this.#answers.delete(id)
    if (answer === undefined) throw new Error(`${this.user}: the connection ended`)
    return answer
  }

  /** Waits for something that comes with what is received. Rejects after a while. */
  until(holds: () => boolean): Promise<void> {
    return this.#changes.until(holds, DEADLINE)
  }

  /** Closes its connection for good. */
  end(): void {
    this.#staying = false
    this.#socket?.end('</stream:stream>')
    this.#socket?.destroy()
  }

  /** XEP-0313: page by page, all that came after what it has seen last. */
  async #fetch(): Promise<void> {
    for (let complete = false; !complete; ) {
      const last = this.seen.at(-1)?.id
      const after = last === undefined ? '' : `<after>${last}</after>`
      const set = `<set xmlns='${NS.resultSets}'><max>${PAGE}</max>${after}</set>`
      const { text } = await this.ask(
        'set',
        `<query xmlns='${NS.archive}'>${set}</query>`,
        this.#options.room,
      )
      if (!text.includes('<fin')) throw new Error(`${this.user}: no archive: ${text}`)
      complete = text.includes("complete='true'") || text.includes('complete="true"')
    }
  }

  #say(id: string, body: string): void {
    const origin = `<origin-id xmlns='${NS.stanzaIds}' id='${id}'/>`
    this.#write(
      `<message to='${this.#options.room}' type='groupchat' id='${id}'><body>${body}</body>${origin}</message>`,
    )
  }

  #take(item: Item): void {
    const { name, tag } = item
    if (!this.#negotiated || name.startsWith('stream')) this.#items.push(item)
    else if (name === 'iq') this.#answers.get(attribute(tag, 'id') ?? '')?.(item)
    else if (name === 'message') this.#takeMessage(item)
    else if (name === 'presence') this.#takePresence(item)
  }

  #takePresence({ tag, text }: Item): void {
    const isOwn = attribute(tag, 'from') === `${this.#options.room}/${this.user}`
    if (isOwn && /code=["']110["']/.test(text)) this.#entered = attribute(tag, 'type') === undefined
  }

  #takeMessage({ tag, text }: Item): void {
    const result = /<result [^>]*>/.exec(text)?.[0]
    const body = /<body>([^<]*)<\/body>/.exec(text)?.[1]
    if (result !== undefined) {
      if (body !== undefined) this.#add({ id: attribute(result, 'id') ?? '', body })
      return
    }
    const type = attribute(tag, 'type')
    const origin = attribute(/<origin-id [^>]*>/.exec(text)?.[0] ?? '', 'id') ?? ''
    if (type === 'error') {
      this.#refused(attribute(tag, 'id') ?? '')
      return
    }
    if (type !== 'groupchat') return
    if (!this.#entered && this.#waiting === undefined) this.strays++
    if (body === undefined) return
    this.#open.delete(origin)
    const message = { id: attribute(/<stanza-id [^>]*>/.exec(text)?.[0] ?? '', 'id') ?? '', body }
    if (this.#waiting === undefined) this.#add(message)
    else this.#waiting.push(message)
  }

  /** It says it again a little later: the home of the room is on its way. */
  #refused(id: string): void {
    const body = this.#open.get(id)
    if (body === undefined) return
    setTimeout(() => {
      if (this.#open.has(id) && this.#entered && this.#waiting === undefined) this.#say(id, body)
    }, PATIENCE)
  }

  #add(message: Seen): void {
    if (this.#known.has(message.id)) return
    this.#known.add(message.id)
    this.seen.push(message)
  }

  #gone(socket: Socket): void {
    this.#changes.notify()
    if (socket !== this.#socket) return
    if (!this.#staying) return
    this.breaks++
    this.#comeAgain()
  }

  #comeAgain(): void {
    setTimeout(() => {
      if (!this.#staying) return
      // What fails ends its connection, and with that comes the next try.
      this.connect()
        .then(() => this.enter())
        .catch(() => this.#socket?.destroy())
    }, PATIENCE)
  }

  async #next(name: string): Promise<Item> {
    const socket = this.#socket
    await this.until(() => this.#items.some(item => item.name === name) || socket?.destroyed === true)
    const at = this.#items.findIndex(item => item.name === name)
    if (at < 0) throw new Error(`${this.user}: the connection ended before ${name}`)
    return this.#items.splice(0, at + 1).at(-1)!
  }

  #write(text: string): void {
    this.#socket?.write(text)
  }
}
