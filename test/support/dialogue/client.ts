import { NS } from '../../../src/xml/ns.ts'
import { BoshTransport } from './bosh.ts'
import { TcpTransport } from './tcp.ts'
import type { Ports, Receiver, Transport } from './transport.ts'
import type { ClientSpec } from './types.ts'
import { WebSocketTransport } from './websocket.ts'
import { within } from './within.ts'
import type { XmlElement, XmlEvent } from './xml.ts'

const MARKER = 'urn:tidings:test:marker'

/** One connection to the server and what came over it that nobody has looked at yet. */
export class Client implements Receiver {
  readonly name: string
  readonly inbox: XmlEvent[] = []
  /** Its full JID, once a resource is bound. */
  address: string | undefined
  /** Set when what was received is no XML as XMPP allows it. */
  fault: Error | undefined
  private transport: Transport | undefined
  private ended = false
  private lastMarker = 0
  /** XEP-0198 is on: stanzas are counted, so markers must not be stanzas. */
  private managed = false
  /** It answers requests for an acknowledgement by itself. */
  acknowledges = false
  /** Stanzas since XEP-0198 was enabled. */
  private handled: number | undefined
  /** It has taken over a session that was bound before. */
  private resumed = false
  /** Requests for an acknowledgement that are not answered yet: the id of a marker, or undefined for one of the dialogue. */
  private readonly requests: (string | undefined)[] = []
  private readonly answered = new Set<string>()
  private changed = Promise.withResolvers<void>()

  private constructor(name: string) {
    this.name = name
  }

  /** Connects, and does no more. */
  static async connect(
    { name, over, tls, address }: Pick<ClientSpec, 'name' | 'over' | 'tls' | 'address'>,
    ports: Ports,
  ): Promise<Client> {
    const client = new Client(name)
    const scripted = address === undefined
    if (over === 'tcp') client.transport = await TcpTransport.connect(ports, tls === 'direct', client)
    else if (over === 'bosh') client.transport = new BoshTransport(ports, client)
    else client.transport = await WebSocketTransport.connect(ports, scripted, client)
    return client
  }

  /** True when the connection is gone and all that came over it is in the inbox. */
  get isGone(): boolean {
    return this.ended
  }

  /** Whether the server would answer a marker. */
  get isBound(): boolean {
    return (
      (this.address !== undefined || this.resumed) &&
      !this.ended &&
      !this.inbox.some(event => event.kind === 'close')
    )
  }

  get line(): Transport {
    return this.transport!
  }

  send(text: string): void {
    this.line.send(text)
  }

  /** Sends what may manage the stream by XEP-0198: from then on markers are no stanzas, which would be counted. */
  sendManaging(text: string): void {
    if (this.isBound && text.includes(`<enable xmlns="${NS.streamManagement}"`)) this.managed = true
    if (this.managed) for (const _ of text.matchAll(/<r[ /]/g)) this.requests.push(undefined)
    this.send(text)
  }

  /** Cuts the connection without a word. */
  drop(): void {
    this.line.drop()
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
    if (this.managed) {
      this.requests.push(id)
      this.line.send(`<r xmlns="${NS.streamManagement}"/>`)
      return this.until(() => this.answered.has(id), 'the answer of a marker')
    }
    // A request nobody knows: RFC 6120 §8.4 demands an answer all the same, whatever is loaded.
    this.line.send(
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

  received(event: XmlEvent): void {
    const id = event.kind === 'element' ? event.element.attributes.get('id') : undefined
    if (id?.startsWith('~')) this.answered.add(id)
    else if (!this.answersMarker(event)) this.inbox.push(event)
    if (event.kind === 'element') {
      this.signedIn(event.element)
      this.acknowledge(event.element)
    }
    this.notify()
  }

  /** XEP-0198 §4: counts what has to be counted, and says so when it is asked. */
  private acknowledge({ name, namespace }: XmlElement): void {
    if (namespace === NS.streamManagement) {
      if (name === 'enabled') this.handled = 0
      else if (name === 'r' && this.acknowledges && this.handled !== undefined)
        this.send(`<a xmlns="${NS.streamManagement}" h="${this.handled}"/>`)
    } else if (this.handled !== undefined && ['iq', 'message', 'presence'].includes(name)) this.handled++
  }

  /** What it learns of itself as it signs in and is bound. */
  private signedIn(element: XmlElement): void {
    this.address = boundAddress(element) ?? this.address
    if (element.name !== 'success' || element.namespace !== NS.sasl2) return
    // XEP-0198 §9: managed by what came in one go.
    const parts = childrenOf(element).flatMap(child => [child, ...childrenOf(child)])
    const names = parts.filter(({ namespace }) => namespace === NS.streamManagement).map(({ name }) => name)
    this.resumed ||= names.includes('resumed')
    this.managed ||= this.resumed || names.includes('enabled')
  }

  failed(error: Error): void {
    this.fault = error
    this.notify()
  }

  /** XEP-0198 §4: requests are answered in their order. */
  private answersMarker(event: XmlEvent): boolean {
    if (event.kind !== 'element' || event.element.namespace !== NS.streamManagement) return false
    if (event.element.name === 'resumed') {
      this.managed = true
      this.resumed = true
    }
    const marker = event.element.name === 'a' ? this.requests.shift() : undefined
    if (marker !== undefined) this.answered.add(marker)
    return marker !== undefined
  }

  closed(): void {
    this.ended = true
    this.notify()
  }

  private notify(): void {
    this.changed.resolve()
    this.changed = Promise.withResolvers()
  }
}

/** The full JID in the answer to a bind request (RFC 6120 §7.6.1) or in a success that is one (XEP-0386 §3.2). */
function boundAddress(element: XmlElement): string | undefined {
  if (element.name === 'success' && element.namespace === NS.sasl2) {
    const identifier = childrenOf(element).find(({ name }) => name === 'authorization-identifier')
    const jid = identifier?.children.join('')
    return jid?.includes('/') ? jid : undefined
  }
  const [bind] = element.children
  if (element.name !== 'iq' || typeof bind !== 'object' || bind.namespace !== NS.bind) return undefined
  const [jid] = bind.children
  return typeof jid === 'object' && jid.name === 'jid' ? jid.children.join('') : undefined
}

function childrenOf({ children }: XmlElement): XmlElement[] {
  return children.filter(child => typeof child === 'object')
}
