import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { NS } from '../../../src/xml/ns.ts'
import { type XmlElement, type XmlEvent, XmlParser } from './xml.ts'

/** How long anything may take before the dialogue fails: a guard, never waited for when all is well. Milliseconds. */
export const DEADLINE = 5_000
const MARKER = 'urn:tidings:test:marker'

/** Where a client connects. */
export interface Ports {
  readonly tcp: number
  readonly tls: number
}

/** One connection to the server and what came over it that nobody has looked at yet. */
export class Client {
  readonly name: string
  readonly inbox: XmlEvent[] = []
  /** Its full JID, once a resource is bound. */
  address: string | undefined
  /** Set when what was received is no XML as XMPP allows it. */
  fault: Error | undefined
  private socket: Socket
  private parser = new XmlParser()
  private ended = false
  private lastMarker = 0
  private readonly answered = new Set<string>()
  private changed = Promise.withResolvers<void>()

  private constructor(name: string, socket: Socket) {
    this.name = name
    this.socket = socket
    this.attach(socket)
  }

  /** Connects; with TLS at once where `direct`. */
  static async connect(name: string, ports: Ports, direct: boolean): Promise<Client> {
    const host = '127.0.0.1'
    const socket = direct
      ? connectTls({ ...TLS, host, port: ports.tls, ALPNProtocols: ['xmpp-client'] })
      : connect(ports.tcp, host)
    socket.setNoDelay(true)
    await once(socket, direct ? 'secureConnect' : 'connect')
    return new Client(name, socket)
  }

  /** True when the connection is gone and all that came over it is in the inbox. */
  get isGone(): boolean {
    return this.ended
  }

  /** Whether the server would answer a marker. */
  get isBound(): boolean {
    return this.address !== undefined && !this.ended && !this.inbox.some(event => event.kind === 'close')
  }

  send(data: string | Buffer): void {
    this.socket.write(data)
  }

  /** Sends one byte per packet. */
  async sendBytewise(data: Buffer): Promise<void> {
    for (const byte of data) {
      this.socket.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
  }

  /** Goes on under TLS, after `<proceed/>`; the stream begins anew. */
  async startTls(): Promise<void> {
    this.socket.removeAllListeners()
    const secured = connectTls({ ...TLS, socket: this.socket })
    await within(once(secured, 'secureConnect'), 'the TLS handshake')
    this.parser = new XmlParser()
    this.attach(secured)
  }

  /** Cuts the connection without a word. */
  drop(): void {
    this.socket.destroy()
    this.finish()
  }

  /** Closes this side of the connection. */
  end(): void {
    this.socket.end()
  }

  /** Waits for the next event; undefined when the connection ends instead. */
  async next(what: string): Promise<XmlEvent | undefined> {
    await this.until(() => this.inbox.length > 0, what)
    return this.inbox.shift()
  }

  /** Waits for the next element and that it has this name. */
  async expect(name: string): Promise<XmlElement> {
    const event = await this.next(`<${name}/>`)
    if (event?.kind !== 'element' || event.element.name !== name)
      throw new Error(
        `${this.name} waits for <${name}/> and ${event === undefined ? 'is cut off' : 'gets something else'}`,
      )
    return event.element
  }

  /** Waits until the connection is gone. */
  gone(what: string): Promise<void> {
    return this.until(() => false, what)
  }

  /** A round trip: when it is over, the server has taken everything that was sent before, and what it had sent before is in the inbox. */
  async roundTrip(): Promise<void> {
    if (!this.isBound) return
    const id = `~${++this.lastMarker}`
    // A request nobody knows: RFC 6120 §8.4 demands an answer all the same, whatever is loaded.
    this.send(
      `<iq type="get" id="${id}" to="${this.address?.replace(/^[^@]*@|\/.*/g, '')}"><marker xmlns="${MARKER}"/></iq>`,
    )
    await this.until(() => this.answered.has(id), 'the answer of a marker')
  }

  /** Waits until a condition holds or the connection is gone. */
  private async until(condition: () => boolean, what: string): Promise<void> {
    while (!condition() && !this.ended && this.fault === undefined)
      await within(this.changed.promise, `${what} at ${this.name}`)
    if (this.fault !== undefined) throw new Error(`${this.name} received bad XML: ${this.fault.message}`)
  }

  private attach(socket: Socket): void {
    this.socket = socket
    socket.on('data', data => {
      try {
        for (const event of this.parser.write(data)) this.take(event)
      } catch (error) {
        this.fault = error as Error
      }
      this.notify()
    })
    socket.on('error', () => {})
    socket.on('close', () => this.finish())
  }

  private take(event: XmlEvent): void {
    const id = event.kind === 'element' ? event.element.attributes.get('id') : undefined
    if (id?.startsWith('~')) this.answered.add(id)
    else this.inbox.push(event)
    if (event.kind === 'element') this.address = boundAddress(event.element) ?? this.address
  }

  private finish(): void {
    this.ended = true
    this.notify()
  }

  private notify(): void {
    this.changed.resolve()
    this.changed = Promise.withResolvers()
  }
}

const TLS = { rejectUnauthorized: false, servername: 'localhost' }

/** RFC 6120 §7.6.1: the full JID in the answer to a bind request. */
function boundAddress(element: XmlElement): string | undefined {
  const [bind] = element.children
  if (element.name !== 'iq' || typeof bind !== 'object' || bind.namespace !== NS.bind) return undefined
  const [jid] = bind.children
  return typeof jid === 'object' && jid.name === 'jid' ? jid.children.join('') : undefined
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE} ms for ${what}`)), DEADLINE)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
