/** Who learns of what happens to nodes, and how: XEP-0060 §7.1.2, §9.2, XEP-0163 §4.3. */
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import { delay } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import type { Blocking } from '../blocking/index.ts'
import type { Capabilities, SessionCapabilities } from '../capabilities/index.ts'
import type { NodeAccess } from './access.ts'
import { event, headline, itemEvent, type LastWish, type News, newsOf, unpacked } from './events.ts'
import { type Item, keyOf, type Node } from './node.ts'
import type { NodeStore } from './nodes.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Tells those sessions of an account that care for a node of what has happened there. */
    'pubsub:tell'(owner: JID, news: News): Maybe<void>
    /** What nodes of an account hold last, for one who has come online, as far as he may see it. */
    'pubsub:last'(owner: JID, wish: LastWish): Promise<News[]>
  }
}

/** Who is told of what happens to a node. */
interface Told {
  /** Those of whose sessions some may care for it. */
  readonly contacts: readonly JID[]
  /** Addresses that are subscribed. */
  readonly subscribers: readonly JID[]
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
  readonly #asking = new WeakMap<Session, Set<Set<string>>>()
  /** What was known of a session when it was looked at last. */
  readonly #looked = new WeakMap<Session, Capabilities>()

  constructor(parts: NotificationParts) {
    this.#parts = parts
  }

  /** An item was published; `at` the owner's home, in his lane, so that items come in their order. */
  published(owner: JID, node: Node, item: Omit<Item, 'seq'>): Promise<void> {
    return this.#tell(owner, node, itemEvent(owner, node, item))
  }

  /** Items were taken back. */
  retracted(owner: JID, node: Node, ids: readonly string[]): Promise<void> {
    const retracts = ids.map(id => xml('retract', { id }))
    return this.#tell(owner, node, event(xml('items', { node: node.name }, retracts)))
  }

  /** All items were taken away: XEP-0060 §8.5.2. */
  purged(owner: JID, node: Node): Promise<void> {
    return this.#tell(owner, node, event(xml('purge', { node: node.name })))
  }

  /** XEP-0060 §8.2.5.3: the node is another one now, as `form` says. */
  configured(owner: JID, node: Node, form: Element): Promise<void> {
    form.attrs.type = 'result'
    const shown = node.config.payloads && form
    return this.#tell(owner, node, event(xml('configuration', { node: node.name }, shown)))
  }

  /** The node was taken away: XEP-0060 §8.4.2. Who was subscribed to it is still known of this object. */
  deleted(owner: JID, node: Node): Promise<void> {
    return this.#tell(owner, node, event(xml('delete', { node: node.name })))
  }

  /** XEP-0060 §12.14: a subscription has changed without its subscriber, or was asked for. */
  subscription(owner: JID, node: Node, jid: string, state: 'none' | 'pending' | 'subscribed'): void {
    const content = event(xml('subscription', { node: node.name, jid, subscription: state }))
    this.#parts.host.router.route(Stanza.build('message', { from: owner, to: JID.parse(jid) }, content))
  }

  /** XEP-0060 §6.1.7: what a node holds last, for an address that has subscribed. */
  async lastTo(owner: JID, node: Node, to: JID): Promise<void> {
    const { host, store } = this.#parts
    const item = node.config.sendLast === 'never' ? undefined : await store.last(owner, node)
    if (item === undefined) return
    const stamp = delay(owner, item.at ?? host.clock.now())
    const content = itemEvent(owner, node, item)
    host.router.route(Stanza.build('message', { from: owner, to, type: 'headline' }, content, stamp))
  }

  /** Who is told of what happens to a node. */
  async #audience(owner: JID, node: Node): Promise<Told> {
    const { access, blocking } = this.#parts
    const contacts = this.#reached(await access.audience(owner, node))
    const subscribers = await access.subscribers(owner, node)
    if (blocking === undefined || owner.local === '') return { contacts, subscribers }
    // XEP-0163 §4.3.3: nobody whom the owner blocks.
    return {
      contacts: await blocking.others(owner, contacts),
      subscribers: await blocking.others(owner, subscribers),
    }
  }

  async #tell(owner: JID, node: Node, content: Element): Promise<void> {
    const { contacts, subscribers } = await this.#audience(owner, node)
    const { host } = this.#parts
    const message = headline(owner, content)
    // XEP-0060 §6.1.6: who is subscribed with the address that gets it is told once, be he a contact or not.
    const subscribed = new Set(subscribers.map(jid => jid.toString()))
    for (const jid of subscribers) host.router.route(message.readdress(jid))
    if (owner.local === '') return
    const news = newsOf(owner, node, message)
    if (!subscribed.has(owner.toString())) this.#deliver(owner, news, subscribed)
    const except = [...subscribed]
    for (const contact of contacts) {
      if (subscribed.has(contact.bare.toString())) continue
      const told = host.router.atHome.run('pubsub:tell', contact.bare, { ...news, except })
      host.background.run('pubsub', told)
    }
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
      if (!blocked) this.#deliver(owner, news, new Set(news.except))
    })
  }

  /** `except`: sessions (full JIDs) that get it as subscribers. */
  #deliver(owner: JID, { from, node, message }: News, except: ReadonlySet<string>): void {
    let stanza: Stanza | undefined
    for (const session of this.#parts.host.sessions(owner)) {
      // XEP-0163 §4.3.1: to the full JIDs of resources that have said that they care for it.
      if (!served.get(session).includes(node) || except.has(session.jid.toString())) continue
      stanza ??= unpacked(message)
      session.send(stanza.readdress(session.jid))
      for (const told of this.#asking.get(session) ?? []) told.add(keyOf(from, node))
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

  /** XEP-0163 §4.3.4: "all new subscribers": an account gets the presence of a contact from now on. In its lane. */
  granted(owner: JID, contact: JID): void {
    const { host } = this.#parts
    const contacts = this.#reached([contact])
    if (contacts.length === 0) return
    for (const session of host.sessions(owner)) {
      const nodes = served.get(session)
      if (!session.available || nodes.length === 0) continue
      const wish = { to: session.jid.toString(), nodes }
      host.background.run('pubsub', this.#askAll(session, contacts, wish))
    }
  }

  async #askAll(session: Session, contacts: readonly JID[], wish: LastWish): Promise<void> {
    const told = new Set<string>()
    const asking = this.#asking.get(session) ?? new Set()
    this.#asking.set(session, asking.add(told))
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
      asking.delete(told)
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
      if (item === undefined) continue
      const message = headline(owner, itemEvent(owner, node, item))
      found.push(newsOf(owner, node, message))
    }
    return found
  }

  #isBlocked(owner: JID, who: JID): Maybe<boolean> {
    return this.#parts.blocking?.blocks(owner, who) ?? false
  }
}
