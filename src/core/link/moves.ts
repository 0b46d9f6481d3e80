/** Homes move between nodes: docs/decisions/0022. */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { slotOf } from '../../cluster/slots.ts'
import type { Cluster, HomeEvents } from '../../cluster/types.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { Owner } from '../homes.ts'
import type { Host } from '../host.ts'
import type { Attachments, Place } from './attachments.ts'
import { Moved } from './frames.ts'
import type { HandleParts } from './handle.ts'
import { type PackedOwner, packOwner, shared, type Unpacked, unpackOwner } from './moving-state.ts'
import type { Recovery } from './recovery.ts'
import type { RemoteSessions } from './remote-sessions.ts'

/** How long a home that is to leave waits for requests that are being answered, in ms; their answers come from here all the same. */
const REQUESTS_MS = 2_000
/** How often it is looked whether something is still under way: so many times at once, then every so many ms. */
const LOOKS = 20
const LOOK_MS = 5
/** What `leaving` gives `arriving`. */
interface Packed {
  readonly owners: readonly PackedOwner[]
  readonly services: readonly Place[]
  /** Stanzas that come from them and had no home to go to: as text; with whom one for many is for, and who is behind what a room says. */
  readonly stanzas: readonly (readonly [stanza: string, ...to: string[]])[]
}

/** The owners of slots leave this node and come to it, with all that is known of them. */
export class Moves implements HomeEvents {
  readonly #cluster: Cluster
  readonly #parts: HandleParts
  readonly #sessions: RemoteSessions
  readonly #services: Attachments
  readonly #recovery: Recovery

  constructor(
    cluster: Cluster,
    parts: HandleParts,
    sessions: RemoteSessions,
    services: Attachments,
    recovery: Recovery,
  ) {
    this.#cluster = cluster
    this.#parts = parts
    this.#sessions = sessions
    this.#services = services
    this.#recovery = recovery
  }

  async leaving(slots: ReadonlySet<number>): Promise<Buffer> {
    const { router, channels } = this.#parts
    this.#freeze(slots)
    const departure = channels.depart(slots)
    await this.#quiet(slots)
    const along = await channels.departed(departure)
    const owners = [...router.homes.inSlots(slots), ...this.#absent(slots)]
    const packed: Packed = {
      owners: owners.flatMap(owner => this.#pack(owner) ?? []),
      services: this.#services.leave(slots),
      stanzas: along.map(({ op, stanza, to, by }) => {
        const text = (stanza as Buffer).toString('base64')
        return op !== 'spread' ? [text] : [text, String(to), ...(by === undefined ? [] : [String(by)])]
      }),
    }
    this.#forget(slots)
    // What has been sent to other nodes must have come there before the next home sends anything.
    await Promise.allSettled(this.#others.map(node => this.#cluster.request(node, { op: 'flush' })))
    return Buffer.from(JSON.stringify(packed))
  }

  async arriving(slots: ReadonlySet<number>, state: Buffer | undefined): Promise<void> {
    this.#forget(slots)
    if (state === undefined) return this.#recover(slots)
    const { owners, services, stanzas }: Packed = JSON.parse(state.toString())
    for (const packed of owners) if (isIn(slots, packed.jid)) this.#unpack(packed)
    this.#services.arrive(services.filter(([domain]) => isIn(slots, domain)))
    const { router } = this.#parts
    for (const [text, to, by] of stanzas) {
      const stanza = Stanza.fromFrame(Buffer.from(text, 'base64'))
      if (!isIn(slots, stanza.from.bare.toString())) continue
      if (to === undefined) router.route(stanza)
      else if (by === undefined) router.spread(stanza, [JID.parse(to)])
      else router.tellMany(stanza, [JID.parse(to)], JID.parse(by))
    }
  }

  lost(node: string): void {
    const { router } = this.#parts
    this.#services.lost(node)
    for (const owner of [...router.homes.all])
      for (const session of owner.sessions) if (session.node === node) router.sessionEnds.lose(session)
  }

  get #others(): readonly string[] {
    return this.#cluster.nodes.filter(node => node !== this.#cluster.node)
  }

  /** Nothing new begins for their sessions. */
  #freeze(slots: ReadonlySet<number>): void {
    const { router, ports } = this.#parts
    for (const { sessions } of router.homes.inSlots(slots))
      for (const session of sessions) {
        if (session.left !== undefined) continue
        const refuse = (): Promise<void> => Promise.reject(new Moved())
        if (session.node !== this.#cluster.node) session.left = refuse
        else {
          if (session.number === 0) session.number = ports.add(session.port, session.handle)
          session.handle?.depart(session.number)
          // What has come by a frame, though from here, goes back to where that waits.
          session.left = (stanza, number) =>
            number === 0 ? refuse() : session.handle!.forward(stanza, number)
        }
      }
  }

  /** Resolves when nothing is under way for their owners. */
  async #quiet(slots: ReadonlySet<number>): Promise<void> {
    const start = performance.now()
    const isBusy = (owner: Owner): boolean =>
      owner.busy || (owner.requests > 0 && performance.now() - start < REQUESTS_MS)
    for (let looks = 0; ; ) {
      // One may have been bound meanwhile.
      this.#freeze(slots)
      let busy = this.#parts.router.homes.inSlots(slots).filter(isBusy)
      if (busy.length === 0) return
      // Of many owners few are busy: only these are looked at again and again.
      for (; busy.length > 0; looks++) {
        await (looks < LOOKS ? setImmediate() : setTimeout(LOOK_MS))
        busy = busy.filter(isBusy)
      }
    }
  }

  /** Owners without sessions of whom something is known all the same. */
  #absent(slots: ReadonlySet<number>): Owner[] {
    const { router } = this.#parts
    const accounts = [...router.hosts].flatMap(({ resends, hooks }) => [...resends.accounts, ...hooks.known])
    return [...new Set(accounts)]
      .filter(account => isIn(slots, account))
      .map(account => JID.parse(account))
      .filter(account => router.homes.find(account) === undefined)
      .map(account => new Owner(account))
  }

  /** Packs an owner and takes him away. */
  #pack(owner: Owner): PackedOwner | undefined {
    const { router, ports } = this.#parts
    const host = router.hostBehind(owner.jid.domain)
    const packed = host && packOwner(owner, host)
    for (const session of owner.sessions) {
      this.#sessions.delete(session)
      // Until the next home tells, should that die before.
      if (session.node === this.#cluster.node) ports.remember(session.number, JSON.stringify(shared(session)))
    }
    router.homes.delete(owner)
    return packed
  }

  /** What extensions remember of owners is true only at their home. */
  #forget(slots: ReadonlySet<number>): void {
    for (const host of this.#parts.router.hosts) host.hooks.forget(owner => slots.has(slotOf(owner)))
  }

  #unpack(packed: PackedOwner): void {
    const { router, ports } = this.#parts
    const host = router.hostBehind(JID.parse(packed.jid).domain)
    if (host === undefined) return
    const { owner, arrived } = unpackOwner(packed, host, (...at) => ports.at(...at))
    this.#settle(owner, arrived, host, packed.extensions)
  }

  /** The owner's home is this node now. */
  #settle(
    owner: Owner,
    arrived: readonly Unpacked[],
    host: Host,
    extensions?: PackedOwner['extensions'],
  ): void {
    const { router, ports } = this.#parts
    if (owner.sessions.length > 0) router.homes.add(owner)
    for (const { session } of arrived) {
      this.#sessions.add(session)
      if (session.node === this.#cluster.node) ports.handle(session.number)?.arrive(session)
    }
    for (const [name, state] of Object.entries(extensions ?? {})) host.hooks.unpack(name, owner.jid, state)
    for (const { session, catchingUp } of arrived)
      router.arrived(session, catchingUp, host, extensions === undefined)
  }

  /** The former home has died: whoever has connections of its sessions knows of them. */
  async #recover(slots: ReadonlySet<number>): Promise<void> {
    for (const { owner, arrived } of await this.#recovery.recover(slots)) {
      const host = this.#parts.router.host(owner.jid.domain)
      if (host !== undefined) this.#settle(owner, arrived, host)
    }
  }
}

function isIn(slots: ReadonlySet<number>, owner: string): boolean {
  return slots.has(slotOf(owner))
}
