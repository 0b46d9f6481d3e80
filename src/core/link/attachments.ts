import { slotOf } from '../../cluster/slots.ts'
import type { Answer, Cluster, Frame } from '../../cluster/types.ts'
import { StanzaError } from '../errors.ts'
import { AttachedService } from '../services.ts'
import type { SessionPort } from '../session.ts'
import { answering } from './frames.ts'
import type { HandleParts } from './handle.ts'

/** Where a service's connection is. */
export type Place = readonly [domain: string, node: string, number: number]

/** Connections of services, which may be at other nodes than their homes: attach and detach go from a connection to its home. */
export class Attachments {
  readonly #cluster: Cluster
  readonly #parts: HandleParts
  /** Of services whose home is this node, by domain. */
  readonly #here = new Map<string, { readonly place: Place; readonly port: SessionPort }>()
  /** Numbers of the connections of this node, by domain. */
  readonly #own = new Map<string, number>()

  constructor(cluster: Cluster, parts: HandleParts) {
    this.#cluster = cluster
    this.#parts = parts
  }

  /** Connects a service to a connection of this node; resolves with what ends that. Rejects with the StanzaError `conflict`. */
  async attach({ jid: { domain } }: AttachedService, port: SessionPort): Promise<() => Promise<void>> {
    const number = this.#parts.ports.add(port)
    const forget = (): void => {
      this.#parts.ports.delete(number)
      if (this.#own.get(domain) === number) this.#own.delete(domain)
    }
    await this.#ask('attach', domain, number).catch((error: unknown) => {
      forget()
      throw error
    })
    this.#own.set(domain, number)
    return () => this.#ask('detach', domain, number).then(forget, forget)
  }

  async #ask(op: string, owner: string, port: number): Promise<void> {
    await this.#parts.channels.send({ owner, frame: { op, owner, port }, repeatable: true }).answer
  }

  /** Takes a frame of a service's connection; undefined if it is none. */
  take({ op, owner, port }: Frame, from: string): Promise<Answer> | undefined {
    const place: Place = [String(owner), from, Number(port)]
    if (op === 'attach') return answering(() => this.#attach(place))
    return op === 'detach' ? answering(() => this.#detach(place)) : undefined
  }

  #attach(place: Place): void {
    const [domain, node, number] = place
    const service = this.#parts.router.services.of(domain)
    if (!(service instanceof AttachedService)) throw new StanzaError('item-not-found')
    // It may be told twice, where a home has died.
    if (this.#has(place)) return
    const port = this.#parts.ports.at(node, number)
    service.attach(port)
    this.#here.set(domain, { place, port })
  }

  #detach(place: Place): void {
    const [domain] = place
    if (this.#has(place)) this.#end(domain)
  }

  #has([domain, node, number]: Place): boolean {
    const [, atNode, ofNumber] = this.#here.get(domain)?.place ?? []
    return node === atNode && number === ofNumber
  }

  #end(domain: string): void {
    const service = this.#parts.router.services.of(domain)
    const port = this.#here.get(domain)?.port
    if (service instanceof AttachedService && port !== undefined) service.detach(port)
    this.#here.delete(domain)
  }

  /** Slots leave: the connections of their services, for the next home. */
  leave(slots: ReadonlySet<number>): readonly Place[] {
    const places = [...this.#here.values()].map(({ place }) => place)
    const leaving = places.filter(([domain]) => slots.has(slotOf(domain)))
    for (const [domain] of leaving) this.#end(domain)
    return leaving
  }

  /** The same at the next home. */
  arrive(places: readonly Place[]): void {
    for (const place of places) this.#attach(place)
  }

  /** Connections of this node whose services belong to some slots. */
  ownOf(slots: ReadonlySet<number>): readonly Place[] {
    const own = [...this.#own].filter(([domain]) => slots.has(slotOf(domain)))
    return own.map(([domain, number]) => [domain, this.#cluster.node, number])
  }

  /** A node has died, and its connections with it. */
  lost(node: string): void {
    for (const { place } of [...this.#here.values()]) if (place[1] === node) this.#end(place[0])
  }
}
