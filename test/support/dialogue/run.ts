import type { TestServer } from '../test-server.ts'
import { Client } from './client.ts'
import { entering, hasEntered, isOfOwnMaking, isOfRoom } from './enter.ts'
import { DialogueError, Mismatch } from './failure.ts'
import { difference, eventDifference } from './match.ts'
import { fill, show, unescapeText, type Values } from './placeholders.ts'
import { authenticateByPlain, authenticateByScram, openStream, signIn } from './sign-in.ts'
import type { Action, ClientSpec, Dialogue, Step } from './types.ts'
import { DEADLINE } from './within.ts'
import { parseXml, printEvent, type XmlEvent } from './xml.ts'

/** Plays a dialogue against a server. Rejects with a DialogueError at the first step that goes otherwise, and when something is left over at the end. */
export async function runDialogue(dialogue: Dialogue, server: TestServer): Promise<void> {
  const run = new Run(dialogue, server)
  try {
    await run.invite(dialogue.invitations)
    for (const step of dialogue.steps) await run.step(step)
    await run.nothingLeft(dialogue.steps.at(-1) as Step)
  } finally {
    await run.close()
  }
}

class Run {
  private readonly specs: ReadonlyMap<string, ClientSpec>
  private readonly server: TestServer
  private readonly clients = new Map<string, Client>()
  private readonly values: Values = new Map()
  private connected = 0
  private stopped = false
  /** Whose step was the last. */
  private last: string | undefined
  /** Something was sent since everything last came to rest. */
  private moving = false

  constructor(dialogue: Dialogue, server: TestServer) {
    this.specs = new Map(dialogue.clients.map(spec => [spec.name, spec]))
    this.server = server
  }

  /** Makes invitations; their tokens become values. */
  async invite(invitations: Dialogue['invitations']): Promise<void> {
    for (const [value, { hours = 24, uses = 1, ...wanted }] of Object.entries(invitations)) {
      const lifetime = hours * 3_600_000
      this.values.set(value, await this.server.invite({ ...wanted, uses, lifetime }))
    }
  }

  async step(step: Step): Promise<void> {
    try {
      await this.stir(step)
      await this.act(step)
    } catch (error) {
      throw new DialogueError(step, error as Error)
    }
  }

  /** Where clients take turns, waits for what the one before has begun, which this one may have seen to; has homes move while the step is played. */
  private async stir(step: Step): Promise<void> {
    const client = 'client' in step ? step.client : undefined
    if (this.server.takesTurns && client !== this.last && !this.stopped) await this.rest()
    this.last = client
    this.server.stir()
  }

  /** An unexpected stanza fails also where the dialogue stops looking. */
  async nothingLeft(last: Step): Promise<void> {
    await this.rest()
    for (const { name, inbox, fault } of this.clients.values()) {
      if (fault !== undefined)
        throw new DialogueError(last, new Error(`${name} received bad XML: ${fault.message}`))
      if (inbox.length > 0)
        throw new DialogueError(last, new Mismatch(`after that ${name} received more`, 'nothing', inbox))
    }
  }

  /** Cuts all connections. */
  async close(): Promise<void> {
    for (const client of this.clients.values()) client.drop()
    await Promise.all([...this.clients.values()].map(client => client.gone('the end')))
  }

  private async act(step: Step): Promise<void> {
    switch (step.do) {
      case 'wait':
        await this.rest()
        await this.server.pass(step.milliseconds)
        this.moving = true
        return
      case 'stop-server':
        await this.rest()
        this.server.stop()
        this.stopped = true
        return
      case 'restart-server':
        await this.close()
        this.clients.clear()
        await this.server.restart()
        this.stopped = false
        return
      case 'storage':
        await this.rest()
        this.server.storageFails = step.fails
        return
      case 'connect':
        await this.connect(step.client)
        return
      case 'online':
        return this.comeOnline(step.client, step.presence)
      case 'enter':
        return this.enter(step.client, step.address, step.presence)
      case 'receive':
        return this.receive(step)
      default:
        return this.actOn(step, this.client(step.client))
    }
  }

  private async actOn(step: Action, client: Client): Promise<void> {
    this.moving = true
    switch (step.do) {
      case 'send':
        return this.send(client, step)
      case 'open':
        await openStream(client, this.server.domain)
        return
      case 'start-tls':
        return client.line.startTls()
      case 'sign-in':
        return authenticateByPlain(client, step.address, step.password)
      case 'scram':
        return authenticateByScram(client, step)
      case 'disconnect':
        client.line.close()
        await this.ends(client)
        return this.unbound()
      case 'drop':
        await this.rest()
        client.drop()
        await client.gone('the end of its own connection')
        return this.unbound()
      case 'stream-ends':
        return this.ends(client)
      case 'connection-ends':
        await client.gone('the end of the connection')
        if (client.inbox.length > 0) throw new Mismatch('something came before', 'nothing', client.inbox)
        return
      case 'receive-nothing':
        if (!client.isBound) throw new Error('"nothing" is certain only when a resource is bound')
        await this.rest()
        if (client.inbox.length > 0) throw new Mismatch('it does', 'nothing', client.inbox)
    }
  }

  private async connect(name: string): Promise<Client> {
    const spec = this.specs.get(name) as ClientSpec
    await this.rest()
    this.clients.get(name)?.drop()
    // Clients take turns with the nodes, so that a cluster's dialogues cross from one to the other.
    const ports = this.server.ports[this.connected++ % this.server.ports.length]
    if (ports === undefined) throw new Error('the server listens nowhere')
    const client = await (spec.address === undefined ? Client.connect(spec, ports) : signIn(spec, ports))
    this.clients.set(name, client)
    if (client.address !== undefined) this.values.set(name, client.address)
    this.moving = true
    return client
  }

  /** Signs in and sends presence; presence between the account's own resources that comes of it is no matter of this dialogue. */
  private async comeOnline(name: string, presence: string): Promise<void> {
    const client = this.clients.get(name)?.isBound ? this.client(name) : await this.connect(name)
    await this.rest()
    const account = client.address?.split('/', 1)[0]
    const own = [...this.clients.values()].filter(one => one.address?.split('/', 1)[0] === account)
    const before = new Map(own.map(one => [one, one.inbox.length]))
    client.send(fill(presence, this.values))
    this.moving = true
    await this.rest()
    for (const [one, length] of before) {
      const news = one.inbox.splice(length)
      one.inbox.push(...news.filter(event => !isPresenceOf(event, account)))
    }
  }

  /** Enters a room; what the room says of that, to anybody, is no matter of this dialogue. A room that is made by it is accepted as it is. */
  private async enter(name: string, address: string, presence: string): Promise<void> {
    if (this.clients.get(name)?.isBound !== true) await this.comeOnline(name, '<presence/>')
    await this.rest()
    const client = this.client(name)
    const before = [...this.clients.values()].map(one => [one, one.inbox.length] as const)
    const known = client.inbox.length
    for (const text of entering(address, presence)) {
      client.send(fill(text, this.values))
      this.moving = true
      await this.rest()
      if (!client.inbox.slice(known).some(isOfOwnMaking)) break
    }
    if (!client.inbox.slice(known).some(hasEntered))
      throw new Mismatch('it does not', '', client.inbox.slice(known))
    for (const [one, length] of before)
      one.inbox.push(...one.inbox.splice(length).filter(event => !isOfRoom(event, address)))
  }

  private async send(client: Client, step: Action & { do: 'send' }): Promise<void> {
    const text = fill(step.xml, this.values)
    if (step.raw || step.bytewise) {
      const data = step.raw ? Buffer.from(unescapeText(text), 'latin1') : Buffer.from(text)
      await client.line.sendBytes(data, step.bytewise)
    } else client.sendManaging(text)
  }

  private async receive({ client: name, xml, anyOrder }: Action & { do: 'receive' }): Promise<void> {
    const client = this.client(name)
    const expected = parseXml(xml)
    if (client.isBound) await this.rest()
    for (const one of expected) {
      if (anyOrder) this.takeAny(client, one)
      else await this.takeNext(client, one)
    }
    if (client.address !== undefined) this.values.set(name, client.address)
  }

  private async takeNext(client: Client, expected: XmlEvent): Promise<void> {
    // What comes over a bound stream is there by now, except when the server ends it for reasons of its own.
    const actual = client.isBound && !this.stopped ? client.inbox.shift() : await client.next('something')
    const wanted = show(printEvent(expected), this.values)
    if (actual === undefined) throw new Mismatch('nothing came', wanted, [])
    const found = eventDifference(expected, actual, this.values)
    if (found !== undefined) throw new Mismatch(found, wanted, [actual])
  }

  private takeAny(client: Client, expected: XmlEvent): void {
    const index = client.inbox.findIndex(
      event =>
        event.kind === 'element' &&
        expected.kind === 'element' &&
        difference(expected.element, event.element, this.values) === undefined,
    )
    if (index < 0) throw new Mismatch('not among them', show(printEvent(expected), this.values), client.inbox)
    client.inbox.splice(index, 1)
  }

  /** RFC 6120 §4.4: both sides close the stream, then the connection. */
  private async ends(client: Client): Promise<void> {
    const event = await client.next('the end of the stream')
    if (event?.kind !== 'close')
      throw new Mismatch('it does not', '</stream:stream>', event === undefined ? [] : [event])
    client.line.end()
    await client.gone('the end of the connection')
  }

  /** Waits until everything sent so far has had its effect, and what came of it is in the inboxes. */
  private async rest(): Promise<void> {
    if (!this.moving) return
    const clients = [...this.clients.values()]
    await Promise.all(clients.map(client => client.roundTrip()))
    await this.server.settled()
    await Promise.all(clients.map(client => client.roundTrip()))
    await Promise.all(clients.map(client => client.line.ready()))
    this.moving = false
  }

  /** Waits until the server has noticed who is gone; what it makes of that has settled when the dialogue rests. */
  private async unbound(): Promise<void> {
    const connected = (): number => [...this.clients.values()].filter(client => !client.isGone).length
    const start = performance.now()
    this.moving = true
    while (this.server.connections > connected()) {
      if (performance.now() > start + DEADLINE) throw new Error('the server still has the connection')
      await new Promise(setImmediate)
    }
  }

  private client(name: string): Client {
    const client = this.clients.get(name)
    if (client === undefined) throw new Error(`${name} is not connected`)
    return client
  }
}

function isPresenceOf(event: XmlEvent, account: string | undefined): boolean {
  if (event.kind !== 'element' || event.element.name !== 'presence') return false
  return event.element.attributes.get('from')?.split('/', 1)[0] === account
}
