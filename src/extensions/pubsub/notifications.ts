/** Who learns of what happens to nodes, and how: XEP-0060 §7.1.2, §9.2, XEP-0163 §4.3. */
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { parseElement } from '../../xml/stored.ts'
import type { Blocking } from '../blocking/index.ts'
import type { Capabilities, SessionCapabilities } from '../capabilities/index.ts'
import type { NodeAccess } from './access.ts'
import type { Item, Node, NodeStore } from './nodes.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Tells those sessions of an account that care for a node of what has happened there. */
    'pubsub:tell'(owner: JID, news: News): Maybe<void>
    /** What nodes of an account hold last, for one who has come online, as far as he may see it. */
    'pubsub:last'(owner: JID, wish: LastWish): Promise<News[]>
  }
}

/** What has happened to a node of somebody. */
export interface News {
  readonly from: string
  readonly node: string
  /** A stanza, packed, in Base64: without an addressee. */
  readonly message: string
}

/** Who wants to know what. */
export interface LastWish {
  /** A full JID. */
  readonly to: string
  readonly nodes: readonly string[]
}

/** XEP-0060 §9.2: a client that has this behind the name of a node among its features wants to be notified. */
const NOTIFY = '+notify'

/** Nodes that a session is told of: it cares for them, and has been sent their last items. */
const served = new SessionFlag<readonly string[]>('pubsub-served', [])

/** What notifications need. */
export interface NotificationParts {
  readonly host: Host
  readonly store: NodeStore
  readonly access: NodeAccess
  readonly capabilities: SessionCapabilities
  readonly blocking: Blocking | undefined
}

/** Sends notifications. */
export class Notifications {
  readonly #parts: NotificationParts
  /** Sessions for which contacts are asked what their nodes hold last, with what they were told of meanwhile. */
  readonly #asking = new WeakMap<Session, Set<string>>()
  /** What was known of a session when it was looked at last. */
  readonly #looked = new WeakMap<Session, Capabilities>()

  constructor(parts: NotificationParts) {
    this.#parts = parts
  }

  /** An item was published; `at` the owner's home, in his lane, so that items come in their order. */
  published(owner: JID, node: Node, item: Omit<Item, 'seq'>): Maybe<void> {
    return this.#tell(owner, node, itemEvent(node, item))
  }

  /** Items were taken back. */
  retracted(owner: JID, node: Node, ids: readonly string[]): Maybe<void> {
    const retracts = ids.map(id => xml('retract', { id }))
    return this.#tell(owner, node, event(xml('items', { node: node.name }, retracts)))
  }

  /** All items were taken away: XEP-0060 §8.5.2. */
  purged(owner: JID, node: Node): Maybe<void> {
    return this.#tell(owner, node, event(xml('purge', { node: node.name })))
  }

  /** The node was taken away: XEP-0060 §8.4.2. */
  deleted(owner: JID, node: Node): Maybe<void> {
    return this.#tell(owner, node, event(xml('delete', { node: node.name })))
  }

  #tell(owner: JID, node: Node, content: Element): Maybe<void> {
    const { host, access, blocking } = this.#parts
    const news = newsOf(owner, node, content)
    this.#deliver(owner, news)
    const contacts = then(access.audience(owner, node), all => this.#reached(all))
    // XEP-0163 §4.3.3: nobody whom the owner blocks.
    const audience = then(contacts, all => blocking?.others(owner, all) ?? all)
    return then(audience, all => {
      for (const contact of all)
        host.background.run('pubsub', host.router.atHome.run('pubsub:tell', contact.bare, news))
    })
  }

  /** Contacts whose host has nodes, too. Those of other servers come with federation. */
  #reached(contacts: readonly JID[]): readonly JID[] {
    const { router } = this.#parts.host
    return contacts.filter(({ domain }) => router.host(domain)?.hooks.task('pubsub:tell') !== undefined)
  }

  /** At the home of whoever is told. XEP-0163 §4.3.2: blocked or not, as with presence. */
  tell(owner: JID, news: News): Maybe<void> {
    const { host } = this.#parts
    if (!host.sessions(owner).some(session => served.get(session).includes(news.node))) return
    return then(this.#isBlocked(owner, JID.parse(news.from)), blocked => {
      if (!blocked) this.#deliver(owner, news)
    })
  }

  #deliver(owner: JID, { from, node, message }: News): void {
    let stanza: Stanza | undefined
    for (const session of this.#parts.host.sessions(owner)) {
      // XEP-0163 §4.3.1: to the full JIDs of resources that have said that they care for it.
      if (!served.get(session).includes(node)) continue
      stanza ??= unpacked(message)
      session.send(stanza.readdress(session.jid))
      this.#asking.get(session)?.add(keyOf(from, node))
    }
  }

  /**
   * A session is available, or has said what it can do: it gets the last items of the nodes that it cares for and has not got yet. In its
   * owner's lane.
   */
  interested(session: Session): Maybe<void> {
    const known = this.#parts.capabilities.of(session)
    // Nearly always it says nothing new.
    if (!session.available || known === undefined || this.#looked.get(session) === known) return
    this.#looked.set(session, known)
    const had = served.get(session)
    const nodes = [...known.features]
      .filter(feature => feature.endsWith(NOTIFY))
      .map(feature => feature.slice(0, -NOTIFY.length))
      .filter(node => !had.includes(node))
    if (nodes.length === 0) return
    served.set(session, [...had, ...nodes])
    return this.#sendLast(session, nodes)
  }

  async #sendLast(session: Session, nodes: readonly string[]): Promise<void> {
    const { access, host } = this.#parts
    const owner = session.jid.bare
    const wish = { to: session.jid.toString(), nodes }
    for (const { message } of await this.last(owner, wish))
      session.send(unpacked(message).readdress(session.jid))
    const contacts = this.#reached(await access.watched(owner))
    // Nobody waits for the homes of others, least of all this lane.
    if (contacts.length > 0) host.background.run('pubsub', this.#askAll(session, contacts, wish))
  }

  async #askAll(session: Session, contacts: readonly JID[], wish: LastWish): Promise<void> {
    const told = new Set<string>()
    this.#asking.set(session, told)
    const ask = async (contact: JID): Promise<void> => {
      const found = await this.#parts.host.router.atHome.run('pubsub:last', contact.bare, wish)
      for (const { from, node, message } of found) {
        // What was published meanwhile has come already, or comes behind this.
        if (told.has(keyOf(from, node)) || session.over || !session.available) continue
        session.send(unpacked(message).readdress(session.jid))
      }
    }
    try {
      await Promise.all(contacts.map(ask))
    } finally {
      if (this.#asking.get(session) === told) this.#asking.delete(session)
    }
  }

  /** It was unavailable and may become available again: what is new then is sent again. */
  left(session: Session): void {
    this.#looked.delete(session)
    if (served.get(session).length > 0) served.set(session, [])
  }

  /** At the owner's home: XEP-0163 §4.3.4, what nodes hold last, for one who has come online and may see it. */
  async last(owner: JID, { to, nodes: wanted }: LastWish): Promise<News[]> {
    const { store, access } = this.#parts
    const who = JID.parse(to)
    const nodes = await store.of(owner)
    const found: News[] = []
    for (const name of wanted) {
      const node = nodes.get(name)
      if (node === undefined || node.config.sendLast !== 'on_sub_and_presence') continue
      if (!(await access.allows(owner, node, who)) || (await this.#isBlocked(owner, who))) continue
      const item = await store.last(owner, node)
      if (item !== undefined) found.push(newsOf(owner, node, itemEvent(node, item)))
    }
    return found
  }

  #isBlocked(owner: JID, who: JID): Maybe<boolean> {
    return this.#parts.blocking?.blocks(owner, who) ?? false
  }
}

/** An item as it is shown: XEP-0060 §7.1.2.1. */
function itemEvent(node: Node, { id, payload }: Omit<Item, 'seq'>): Element {
  const shown = payload !== undefined && node.config.payloads && parseElement(payload)
  return event(xml('items', { node: node.name }, xml('item', { id }, shown)))
}

function event(content: Element): Element {
  return xml('event', { xmlns: NS.pubsubEvent }, content)
}

/** What has happened, as it goes to the homes of those who are told. */
function newsOf(owner: JID, { name }: Node, content: Element): News {
  const message = Stanza.build('message', { from: owner, type: 'headline' }, content)
  return { from: owner.toString(), node: name, message: message.toFrame().toString('base64') }
}

function unpacked(message: string): Stanza {
  return Stanza.fromFrame(Buffer.from(message, 'base64'))
}

function keyOf(from: string, node: string): string {
  return `${from}\n${node}`
}
