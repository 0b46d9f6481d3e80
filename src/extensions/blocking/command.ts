import { randomUUID } from 'node:crypto'
import { namedAddress } from '../../core/address.ts'
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { SessionFlag } from '../../core/session.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import type { BlockLists } from './list.ts'

/** Whether a session has asked for the list and is told of changes: XEP-0191 §3.3. */
const interested = new SessionFlag('blocking-interested', false)

/** What is said with addresses that are blocked. */
export interface Accompaniment {
  /** Reads it, before anything is blocked. Throws a StanzaError for what is wrong. */
  read(jid: string, element: Element): unknown
  /** Takes what was read of one request, once the addresses are blocked; in the owner's lane. */
  take(owner: JID, found: readonly unknown[]): Promise<void>
}

/** What a user's client asks for: XEP-0191 §3. */
export class Command {
  readonly #host: Host
  readonly #lists: BlockLists
  readonly #most: number
  readonly #accompaniments: {
    readonly namespace: string
    readonly name: string
    readonly taker: Accompaniment
  }[] = []

  constructor(host: Host, lists: BlockLists, most: number) {
    this.#host = host
    this.#lists = lists
    this.#most = most
  }

  accompany(namespace: string, name: string, taker: Accompaniment): void {
    this.#accompaniments.push({ namespace, name, taker })
  }

  list({ owner, session }: IqContext): Maybe<Element> {
    if (session !== undefined) interested.set(session, true)
    return then(this.#lists.of(owner), list => xml('blocklist', { xmlns: NS.blocking }, items([...list])))
  }

  block({ owner, payload }: IqContext): Maybe<undefined> {
    const wanted = addresses(payload)
    // XEP-0191 §3.3
    if (wanted.length === 0) throw new StanzaError('bad-request', { text: 'there is no <item/>' })
    const take = this.#accompanying(owner, payload)
    return this.#inLane(owner, async () => {
      const list = await this.#lists.of(owner)
      const added = wanted.filter(jid => !list.has(jid))
      if (list.size + added.length > this.#most)
        throw new StanzaError('resource-constraint', {
          type: 'cancel',
          text: `no more than ${this.#most} addresses can be blocked`,
        })
      const change = { added, removed: [] }
      await this.#lists.store(owner, change)
      if (added.length > 0) await this.#host.hooks.emit('contacts:blocking', { owner, jids: added })
      await this.#lists.hold(owner, change)
      this.#push(owner, 'block', wanted)
      await take()
    })
  }

  /** What is said with the addresses: read now, to be taken when they are blocked. */
  #accompanying(owner: JID, payload: Element): () => Promise<void> {
    const all = this.#accompaniments.map(({ namespace, name, taker }) => {
      const found = payload.getChildren('item', NS.blocking).flatMap(item => {
        const element = item.getChild(name, namespace)
        return element === undefined ? [] : [taker.read(address(item.attrs.jid), element)]
      })
      return { taker, found }
    })
    return async () => {
      for (const { taker, found } of all) if (found.length > 0) await taker.take(owner, found)
    }
  }

  unblock({ owner, payload }: IqContext): Maybe<undefined> {
    const wanted = addresses(payload)
    return this.#inLane(owner, async () => {
      const list = await this.#lists.of(owner)
      // XEP-0191 §3.5: without an item, all of them.
      const removed = wanted.length === 0 ? [...list] : wanted.filter(jid => list.has(jid))
      const change = { added: [], removed }
      await this.#lists.store(owner, change)
      await this.#lists.hold(owner, change)
      this.#push(owner, 'unblock', wanted)
      if (removed.length > 0) await this.#host.hooks.emit('contacts:unblocked', { owner, jids: removed })
    })
  }

  /** Changes of one list go one after the other, and no delivery to its owner comes between. */
  #inLane(owner: JID, task: () => Promise<void>): Maybe<undefined> {
    return then(
      this.#host.router.homes.inLane(owner, () => task()),
      () => undefined,
    )
  }

  #push(owner: JID, name: string, jids: readonly string[]): void {
    for (const session of this.#host.sessions(owner)) {
      if (!interested.get(session)) continue
      const attributes = { type: 'set', id: randomUUID(), from: owner, to: session.jid }
      session.send(Stanza.build('iq', attributes, xml(name, { xmlns: NS.blocking }, items(jids))))
    }
  }
}

function items(jids: readonly string[]): Element[] {
  return jids.map(jid => xml('item', { jid }))
}

/** The addresses of the items, prepared, each once. */
function addresses(payload: Element): string[] {
  const found = payload.getChildren('item', NS.blocking).map(item => address(item.attrs.jid))
  return [...new Set(found)]
}

function address(text: unknown): string {
  if (typeof text !== 'string') throw new StanzaError('bad-request', { text: 'an <item/> has no jid' })
  return namedAddress(text).toString()
}
