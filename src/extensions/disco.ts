/** XEP-0030: Service Discovery. XEP-0128: Service Discovery Extensions. */
import { StanzaError } from '../core/errors.ts'
import { defineExtension, get, type IqContext, type Place } from '../core/extension.ts'
import type { Host } from '../core/host.ts'
import type { Maybe } from '../core/maybe.ts'
import { software } from '../core/software.ts'
import { type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'

/** What other extensions add to the answers; features they simply declare. Asked for with `host.use(disco)` at set-up. */
export interface Disco {
  /** Adds an identity to disco#info of a place. */
  addIdentity(place: Place, identity: Readonly<Record<'category' | 'type', string>>): void
  /** Adds a form to disco#info of a place (XEP-0128 §2); `form` is called anew for each answer. */
  addForm(place: Place, form: () => Element): void
  /** Adds nodes to a place. At an account its owner's sessions are answered, and those to whom it is shown. */
  addNodes(place: Place, nodes: DiscoNodes): void
  /** Adds what a place holds (XEP-0030 §4) besides what is said here. */
  addItems(place: Place, items: DiscoItems): void
  /** Shows an account to others than its owner: to those for whom any of these says so. */
  showTo(who: (iq: IqContext) => Maybe<boolean>): void
  /** What disco#info of a place says now: identity, features and forms. */
  info(place: Place): readonly Element[]
}

/** Nodes of one extension (XEP-0030 §7): what is said of one, undefined if it is none of its own. May throw a StanzaError. */
export interface DiscoNodes {
  /** Identities, features and forms. */
  info(iq: IqContext, node: string): Maybe<readonly Element[] | undefined>
  /** Items. */
  items(iq: IqContext, node: string): Maybe<readonly Element[] | undefined>
}

/** What a place holds, for whoever asks. */
export type DiscoItems = (iq: IqContext) => Maybe<readonly Element[]>

/** XEP-0030 §3.1: every entity has at least one identity. */
const IDENTITIES: Readonly<Record<Place, Readonly<Record<string, string>>>> = {
  server: { category: 'server', type: 'im', name: software.name },
  account: { category: 'account', type: 'registered' },
  pubsub: { category: 'pubsub', type: 'service' },
  rooms: { category: 'conference', type: 'text' },
  room: { category: 'conference', type: 'text' },
}

export default defineExtension({
  name: 'disco',
  doc: 'Tells what the server and its accounts are and can do',
  xeps: [
    { xep: 30, version: '2.5.0', status: 'complete' },
    { xep: 128, version: '1.0.1', status: 'complete' },
  ],
  features: {
    server: [NS.discoInfo, NS.discoItems],
    account: [NS.discoInfo, NS.discoItems],
    pubsub: [NS.discoInfo, NS.discoItems],
    rooms: [NS.discoInfo, NS.discoItems],
    room: [NS.discoInfo, NS.discoItems],
  },
  setup(host) {
    const perPlace = <T>(first: (place: Place) => T[]): Record<Place, T[]> => ({
      server: first('server'),
      account: first('account'),
      pubsub: first('pubsub'),
      rooms: first('rooms'),
      room: first('room'),
    })
    const identities = perPlace(place => [IDENTITIES[place]])
    const forms = perPlace<() => Element>(() => [])
    const nodes = perPlace<DiscoNodes>(() => [])
    const held = perPlace<DiscoItems>(() => [])
    const audience: ((iq: IqContext) => Maybe<boolean>)[] = []
    const info = (place: Place): readonly Element[] => [
      ...identities[place].map(identity => xml('identity', identity)),
      ...host.features(place).map(feature => xml('feature', { var: feature })),
      ...forms[place].map(form => form()),
    ]
    const answer = (place: Place) => (iq: IqContext) => {
      if (iq.payload.attrs.node !== undefined) return ofNode(nodes[place], 'info', iq)
      return xml('query', { xmlns: NS.discoInfo }, [...info(place)])
    }
    /** Whether an account is to be shown to whoever asks. */
    const isShown = async (iq: IqContext): Promise<boolean> => {
      if (iq.session !== undefined) return true
      for (const shows of audience) if (await shows(iq)) return true
      return false
    }
    const listed = async (place: Place, iq: IqContext, first: readonly Element[] = []): Promise<Element> =>
      items([...first, ...(await Promise.all(held[place].map(list => list(iq)))).flat()])
    const provides: Disco = {
      addIdentity: (place, identity) => void identities[place].push(identity),
      addForm: (place, form) => void forms[place].push(form),
      addNodes: (place, more) => void nodes[place].push(more),
      addItems: (place, more) => void held[place].push(more),
      showTo: who => void audience.push(who),
      info,
    }
    return {
      iq: [
        get(NS.discoInfo, 'query', 'server', answer('server')),
        get(NS.discoItems, 'query', 'server', iq => {
          if (iq.payload.attrs.node !== undefined) return ofNode(nodes.server, 'items', iq)
          return listed(
            'server',
            iq,
            host.router.services.domainsFor(host.domain).map(domain => xml('item', { jid: domain })),
          )
        }),
        ...(['pubsub', 'rooms'] as const).flatMap(place => [
          get(NS.discoInfo, 'query', place, answer(place)),
          get(NS.discoItems, 'query', place, iq =>
            iq.payload.attrs.node === undefined ? listed(place, iq) : ofNode(nodes[place], 'items', iq),
          ),
        ]),
        get(
          NS.discoInfo,
          'query',
          'account',
          async iq => {
            // XEP-0030 §8 rule 1: strangers get service-unavailable, as for an account that does not exist.
            if (!(await isShown(iq))) throw new StanzaError('service-unavailable')
            return answer('account')(iq)
          },
          { access: 'any' },
        ),
        get(
          NS.discoItems,
          'query',
          'account',
          async iq => {
            // Rule 2: to them an account, existing or not, has no items.
            if (!(await isShown(iq))) return items([])
            if (iq.payload.attrs.node !== undefined) return ofNode(nodes.account, 'items', iq)
            return listed('account', iq, iq.session === undefined ? [] : resources(host, iq.owner))
          },
          { access: 'any' },
        ),
      ],
      provides,
    }
  },
})

/** XEP-0030 §4.1: the items of an account are its available resources, for its owner to see. */
function resources(host: Host, owner: JID): Element[] {
  const available = host.sessions(owner).filter(session => session.available)
  return available.map(session => xml('item', { jid: session.jid.toString() }))
}

function items(found: readonly Element[]): Element {
  return xml('query', { xmlns: NS.discoItems }, [...found])
}

/** XEP-0030 §7: what the extension says to whom the node belongs. */
async function ofNode(all: readonly DiscoNodes[], what: keyof DiscoNodes, iq: IqContext): Promise<Element> {
  const node = iq.payload.attrs.node as string
  for (const nodes of all) {
    const found = await nodes[what](iq, node)
    // XEP-0030 §3.2: the answer names the node, too.
    if (found !== undefined) return xml('query', { xmlns: iq.payload.getNS(), node }, [...found])
  }
  throw new StanzaError('item-not-found')
}
