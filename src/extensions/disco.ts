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
  /** Adds nodes to a place. At an account only its owner's sessions are answered. */
  addNodes(place: Place, nodes: DiscoNodes): void
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

/** XEP-0030 §3.1: every entity has at least one identity. */
const IDENTITIES: Readonly<Record<Place, Readonly<Record<string, string>>>> = {
  server: { category: 'server', type: 'im', name: software.name },
  account: { category: 'account', type: 'registered' },
}

export default defineExtension({
  name: 'disco',
  doc: 'Tells what the server and its accounts are and can do',
  xeps: [
    { xep: 30, version: '2.5.0', status: 'complete' },
    { xep: 128, version: '1.0.1', status: 'complete' },
  ],
  features: { server: [NS.discoInfo, NS.discoItems], account: [NS.discoInfo, NS.discoItems] },
  setup(host) {
    const identities: Record<Place, Readonly<Record<string, string>>[]> = {
      server: [IDENTITIES.server],
      account: [IDENTITIES.account],
    }
    const forms: Record<Place, (() => Element)[]> = { server: [], account: [] }
    const nodes: Record<Place, DiscoNodes[]> = { server: [], account: [] }
    const info = (place: Place): readonly Element[] => [
      ...identities[place].map(identity => xml('identity', identity)),
      ...host.features(place).map(feature => xml('feature', { var: feature })),
      ...forms[place].map(form => form()),
    ]
    const answer = (place: Place) => (iq: IqContext) => {
      if (iq.payload.attrs.node !== undefined) return ofNode(nodes[place], 'info', iq)
      return xml('query', { xmlns: NS.discoInfo }, [...info(place)])
    }
    const provides: Disco = {
      addIdentity: (place, identity) => void identities[place].push(identity),
      addForm: (place, form) => void forms[place].push(form),
      addNodes: (place, more) => void nodes[place].push(more),
      info,
    }
    return {
      iq: [
        get(NS.discoInfo, 'query', 'server', answer('server')),
        get(NS.discoItems, 'query', 'server', iq => {
          if (iq.payload.attrs.node !== undefined) return ofNode(nodes.server, 'items', iq)
          return items(host.router.services.domains.map(domain => xml('item', { jid: domain })))
        }),
        // XEP-0030 §8 rule 1: strangers get service-unavailable, as for an account that does not exist.
        get(NS.discoInfo, 'query', 'account', answer('account')),
        // Rule 2: to them an account, existing or not, has no items.
        get(
          NS.discoItems,
          'query',
          'account',
          iq => {
            if (iq.session === undefined) return items([])
            if (iq.payload.attrs.node !== undefined) return ofNode(nodes.account, 'items', iq)
            return items(resources(host, iq.owner))
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

function items(found: Element[]): Element {
  return xml('query', { xmlns: NS.discoItems }, found)
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
