/** XEP-0163: Personal Eventing Protocol; XEP-0060: Publish-Subscribe, as far as accounts need it. */
import { defineExtension, get, type IqContext, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import blocking from '../blocking/index.ts'
import capabilities from '../capabilities/index.ts'
import disco from '../disco.ts'
import roster from '../roster/index.ts'
import { NodeAccess } from './access.ts'
import { accountNodes } from './discovery.ts'
import { unsupported } from './errors.ts'
import { items } from './items.ts'
import { NodeStore } from './nodes.ts'
import { Notifications } from './notifications.ts'
import { configuration, configure, create, defaults, deleteNode, purge } from './owner.ts'
import type { NodeParts } from './parts.ts'
import { publish, retract } from './publish.ts'
import { PublishedNodes } from './published.ts'
import { actionOf } from './requests.ts'

export { NodeStore } from './nodes.ts'
export { type PublishedEdit, PublishedNodes } from './published.ts'

type Action = (parts: NodeParts, iq: IqContext, action: Element) => Maybe<Element | undefined>

/** What may be asked, by the name of the element that asks. */
const GET: Readonly<Record<string, Action>> = { items }
const SET: Readonly<Record<string, Action>> = { publish, retract, create }
const OWNER_GET: Readonly<Record<string, Action>> = {
  configure: configuration,
  default: (_, iq) => defaults(iq),
}
const OWNER_SET: Readonly<Record<string, Action>> = { configure, delete: deleteNode, purge }

/** XEP-0060 §10: what of it there is. */
const FEATURES = [
  'access-open',
  'access-presence',
  'access-roster',
  'access-whitelist',
  'auto-create',
  'auto-subscribe',
  'config-node',
  'config-node-max',
  'create-and-configure',
  'create-nodes',
  'delete-items',
  'delete-nodes',
  'filtered-notifications',
  'item-ids',
  'last-published',
  'multi-items',
  'persistent-items',
  'publish',
  'publish-options',
  'purge-nodes',
  'retract-items',
  'retrieve-default',
  'retrieve-items',
  'rsm',
].map(name => `${NS.pubsub}#${name}`)

export default defineExtension({
  name: 'pubsub',
  doc: "Keeps what users' clients publish (avatars, bookmarks, keys, moods) and tells those who want to know",
  xeps: [
    {
      xep: 60,
      version: '1.30.0',
      status: 'partial',
      note: 'of accounts only; without subscriptions and affiliations',
    },
    {
      xep: 163,
      version: '1.2.2',
      status: 'partial',
      note: 'without explicit subscriptions',
    },
    { xep: 223, version: '1.1.1', status: 'complete' },
  ],
  features: { account: [NS.pubsub, ...FEATURES] },
  follows: [disco, roster, capabilities],
  options: {
    'nodes-per-user': option.integer({ doc: 'Most nodes of one user', default: 200, min: 1, max: 10_000 }),
    'items-per-node': option.integer({
      doc: 'Most items that one node keeps, whatever its owner wants',
      default: 1_000,
      min: 1,
      max: 10_000,
    }),
    'bytes-per-node': option.integer({
      doc: 'Most bytes of all items of one node together',
      default: 2 * 1024 * 1024,
      min: 1_024,
      max: 64 * 1024 * 1024,
      unit: 'bytes',
    }),
    bytes: option.integer({
      doc: 'Largest item',
      default: 128 * 1024,
      min: 1_024,
      max: 1024 * 1024,
      unit: 'bytes',
    }),
  },
  setup(host, options) {
    const store = new NodeStore(host)
    const access = new NodeAccess(host.use(roster))
    const notifications = new Notifications({
      host,
      store,
      access,
      capabilities: host.use(capabilities),
      blocking: host.find(blocking),
    })
    const limits = {
      nodes: options['nodes-per-user'],
      items: options['items-per-node'],
      bytes: options.bytes,
      nodeBytes: options['bytes-per-node'],
    }
    const parts: NodeParts = { store, access, notifications, limits }
    const found = host.use(disco)
    found.addIdentity('account', { category: 'pubsub', type: 'pep' })
    found.addNodes('account', accountNodes(parts))
    const handle =
      (actions: Readonly<Record<string, Action>>, ...beside: readonly string[]) =>
      (iq: IqContext) => {
        const action = actionOf(iq, ...beside)
        const run = actions[action.getName()]
        if (run === undefined) throw unsupported(action.getName())
        // What an owner publishes comes to everybody in its order.
        return host.router.homes.inLane(iq.owner, () => run(parts, iq, action))
      }
    const any = { access: 'any' } as const
    return {
      iq: [
        get(NS.pubsub, 'pubsub', 'account', handle(GET, 'set'), any),
        set(NS.pubsub, 'pubsub', 'account', handle(SET, 'publish-options', 'configure'), any),
        get(NS.pubsubOwner, 'pubsub', 'account', handle(OWNER_GET)),
        set(NS.pubsubOwner, 'pubsub', 'account', handle(OWNER_SET)),
      ],
      atHome: {
        'pubsub:tell': (owner, news) => notifications.tell(owner, news),
        'pubsub:last': (owner, wish) => notifications.last(owner, wish),
      },
      on: {
        'session:presence': ({ session }) =>
          session.available ? notifications.interested(session) : notifications.left(session),
        'session:capabilities': ({ session }) => notifications.interested(session),
        'user:removed': ({ owner }) => store.forget(owner),
      },
      moving: { forget: which => store.drop(which) },
      provides: new PublishedNodes(store, notifications),
    }
  },
})
