/** Users with two clients each who do all that users do, as chance has it: what is lost, comes twice, out of order, or is not known in the end. */
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import type { core } from './core.ts'
import { attribute, child, MixedClient } from './mixed-client.ts'

type Kind = Parameters<MixedClient['session']['send']>[0]

/** A message and who is to get it. */
interface Sent {
  readonly id: string
  readonly from: MixedClient
  readonly to: readonly MixedClient[]
  /** Who is to see that it was sent, or received. */
  readonly copied: readonly MixedClient[]
}

/** A request, and which client is to answer it; undefined: the server. */
interface Asked {
  readonly id: string
  readonly from: MixedClient
  readonly to: MixedClient | undefined
}

/** All clients and what they have done. */
export class MixedTraffic {
  readonly #server: ReturnType<typeof core>
  readonly #random: () => number
  readonly #clients: MixedClient[] = []
  readonly #underWay = new Set<Promise<void>>()
  readonly #sent: Sent[] = []
  readonly #asked: Asked[] = []
  /** The number in the last presence of each. */
  readonly #statuses = new Map<MixedClient, number>()
  /** Changes of each user's roster. */
  readonly #changes = new Map<string, number>()
  #count = 0

  constructor(server: ReturnType<typeof core>, random: () => number) {
    this.#server = server
    this.#random = random
  }

  /** Acts so far. */
  get count(): number {
    return this.#count
  }

  /** All are each other's contacts, have two clients and are online; `nodeOf` says where the n-th client connects. */
  async start(users: readonly string[], nodeOf: (n: number) => number): Promise<void> {
    const { storage } = this.#server
    const row = { state: 'both', listed: true, approved: false, version: 1 }
    const roster = storage.table('roster', 'lww')
    for (const user of users)
      for (const other of users)
        if (other !== user)
          await storage.commit([roster.put(JID.parse(`${user}@localhost`), `${other}@localhost`, row)])
    for (const user of users)
      for (const resource of ['one', 'two']) {
        const session = await this.#server.session(user, resource, nodeOf(this.#clients.length))
        const client = new MixedClient(session, user)
        this.#clients.push(client)
        await session.send('iq', { type: 'set', id: 'carbons' }, xml('enable', { xmlns: NS.carbons }))
        await session.send('iq', { type: 'get', id: 'roster' }, xml('query', { xmlns: NS.roster }))
        this.#announce(client)
      }
    await this.settled()
    for (const client of this.#clients) client.answers.length = 0
  }

  /** One act of one client. */
  act(): void {
    this.#count++
    const from = this.#pick(this.#clients)
    const others = this.#clients.filter(({ user }) => user !== from.user)
    const to = this.#pick(others)
    const chance = this.#random()
    if (chance < 0.35) this.#write(from, to.user)
    else if (chance < 0.5) this.#write(from, to.user, to)
    else if (chance < 0.6) this.#announce(from)
    else if (chance < 0.7) this.#changeRoster(from, to.user)
    else if (chance < 0.85) this.#ask(from, to)
    else this.#ask(from)
  }

  /** Clients answer what has come to them. */
  react(): void {
    for (const client of this.#clients)
      for (const element of client.read()) {
        const id = attribute(element, 'id')
        const to = attribute(element, 'from')
        if (client.requests.includes(element))
          this.#send(client, 'iq', { type: 'result', id, to }, xml('query', { xmlns: NS.version }))
        else if (client.messages.includes(element) && child(element, 'request') !== undefined) {
          const receipt = `${id}-${client.address}`
          const from = this.#clients.find(({ address }) => address === to) as MixedClient
          this.#sent.push({ id: receipt, from: client, to: [from], copied: [] })
          this.#send(client, 'message', { id: receipt, to }, xml('received', { xmlns: NS.receipts, id }))
        }
      }
  }

  /** Waits until all is handled, answers included. */
  async settled(): Promise<void> {
    do {
      await Promise.all(this.#underWay)
      await this.#server.settled()
      this.react()
    } while (this.#underWay.size > 0)
  }

  /** What is not as it should be, a line each. */
  faults(): readonly string[] {
    return [
      ...this.#sent.flatMap(sent => this.#faultsOf(sent)),
      ...this.#disorder(),
      ...this.#asked.flatMap(asked => this.#faultsOfRequest(asked)),
      ...this.#clients.flatMap(client => this.#faultsOfPresence(client)),
      ...this.#clients.flatMap(client => this.#faultsOfPushes(client)),
    ]
  }

  #write(from: MixedClient, user: string, only?: MixedClient): void {
    const id = `m${this.#sent.length}`
    const clients = this.#clients.filter(client => client.user === user)
    const siblings = this.#clients.filter(client => client.user === from.user && client !== from)
    const rest = only === undefined ? [] : clients.filter(client => client !== only)
    this.#sent.push({ id, from, to: only === undefined ? clients : [only], copied: [...siblings, ...rest] })
    const body = [xml('body', {}, id), xml('request', { xmlns: NS.receipts })]
    const to = only?.address ?? `${user}@localhost`
    if (this.#random() < 0.5) body.push(xml('origin-id', { xmlns: NS.stanzaIds, id }))
    this.#send(from, 'message', { to, type: 'chat', id }, ...body)
  }

  #announce(from: MixedClient): void {
    const status = (this.#statuses.get(from) ?? 0) + 1
    this.#statuses.set(from, status)
    this.#send(from, 'presence', {}, xml('status', {}, String(status)))
  }

  #changeRoster(from: MixedClient, contact: string): void {
    this.#changes.set(from.user, (this.#changes.get(from.user) ?? 0) + 1)
    const item = xml('item', { jid: `${contact}@localhost`, name: `${contact} ${this.#count}` })
    this.#request(from, { type: 'set' }, undefined, xml('query', { xmlns: NS.roster }, item))
  }

  /** A request to another client, or to the server or the own account. */
  #ask(from: MixedClient, to?: MixedClient): void {
    if (to !== undefined)
      this.#request(from, { type: 'get', to: to.address }, to, xml('query', { xmlns: NS.version }))
    else if (this.#random() < 0.5)
      this.#request(from, { type: 'get', to: 'localhost' }, undefined, xml('ping', { xmlns: NS.ping }))
    else this.#request(from, { type: 'get' }, undefined, xml('query', { xmlns: NS.roster }))
  }

  #request(
    from: MixedClient,
    attributes: Record<string, string>,
    to: MixedClient | undefined,
    payload: Element,
  ): void {
    const id = `q${this.#asked.length}`
    this.#asked.push({ id, from, to })
    this.#send(from, 'iq', { ...attributes, id }, payload)
  }

  #send(from: MixedClient, kind: Kind, attributes: Record<string, string>, ...children: Element[]): void {
    const sent = from.session.send(kind, attributes, ...children)
    this.#underWay.add(sent)
    void sent.then(() => this.#underWay.delete(sent))
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)] as T
  }

  #faultsOf({ id, from, to, copied }: Sent): string[] {
    const times = (client: MixedClient, which: 'messages' | 'copies'): number =>
      client[which].filter(one => attribute(one, 'id') === id && attribute(one, 'type') !== 'error').length
    const text = (client: MixedClient, what: string, count: number): string =>
      `${what} ${id} of ${from.address} came to ${client.address} ${count} times`
    return [
      ...to.flatMap(client => {
        const count = times(client, 'messages')
        return count === 1 ? [] : [text(client, 'message', count)]
      }),
      ...copied.flatMap(client => {
        const count = times(client, 'copies')
        return count === 1 ? [] : [text(client, 'the copy of', count)]
      }),
    ]
  }

  /** RFC 6120 §10.1: what one client has sent to one user comes in order, copies too. */
  #disorder(): string[] {
    const places = new Map(this.#sent.map(({ id }, place) => [id, place]))
    return this.#clients.flatMap(client =>
      (['messages', 'copies'] as const).flatMap(which => {
        const last = new Map<string, number>()
        return client[which].flatMap(one => {
          const from = `${attribute(one, 'from')} ${attribute(one, 'to').replace(/\/.*/, '')}`
          const place = places.get(attribute(one, 'id')) ?? -1
          const before = last.get(from) ?? -1
          last.set(from, place)
          return place >= before ? [] : [`${which} of ${from} at ${client.address}: ${place} after ${before}`]
        })
      }),
    )
  }

  #faultsOfRequest({ id, from, to }: Asked): string[] {
    const answers = from.answers.filter(one => attribute(one, 'id') === id).map(one => attribute(one, 'type'))
    const arrivals = to?.requests.filter(
      one => attribute(one, 'id') === id && attribute(one, 'from') === from.address,
    )
    return [
      ...(answers.join() === 'result'
        ? []
        : [`request ${id} of ${from.address}: ${answers.join() || 'no answer'}`]),
      ...((arrivals?.length ?? 1) === 1
        ? []
        : [`request ${id} came to ${to?.address} ${arrivals?.length} times`]),
    ]
  }

  #faultsOfPresence(client: MixedClient): string[] {
    return [...this.#statuses].flatMap(([other, status]) => {
      const seen = client.presence.get(other.address) ?? []
      const sorted = seen.toSorted((one, two) => one - two)
      return seen.at(-1) === status && seen.join() === sorted.join()
        ? []
        : [`presence of ${other.address} at ${client.address}: ${seen.slice(-5)}, the last one was ${status}`]
    })
  }

  /** RFC 6121 §2.1.6: each change is pushed to each client, in the same order. */
  #faultsOfPushes({ pushes, user, address }: MixedClient): string[] {
    const changes = this.#changes.get(user) ?? 0
    const sibling = this.#clients.find(other => other.user === user && other.address !== address)
    const names = (items: typeof pushes): string => items.map(item => attribute(item, 'name')).join()
    return [
      ...(pushes.length === changes ? [] : [`${pushes.length} pushes to ${address}, not ${changes}`]),
      ...(names(pushes) === names(sibling?.pushes ?? []) ? [] : [`pushes to ${address} in another order`]),
    ]
  }
}
