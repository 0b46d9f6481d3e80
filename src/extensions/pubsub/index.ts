/** XEP-0060: Publish-Subscribe; XEP-0163: Personal Eventing Protocol. */
import { StanzaError } from '../../core/errors.ts'
import { defineExtension, stage } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import blocking from '../blocking/index.ts'
import capabilities from '../capabilities/index.ts'
import disco from '../disco.ts'
import roster from '../roster/index.ts'
import { NodeAccess } from './access.ts'
import { answering } from './actions.ts'
import { ACCOUNT_MODELS } from './config.ts'
import { discoNodes, nodeList } from './discovery.ts'
import { Listeners } from './listeners.ts'
import { approve, isApproval } from './manage.ts'
import { NodeStore } from './nodes.ts'
import { Notifications } from './notifications.ts'
import type { NodeParts, Realm } from './parts.ts'
import { portable } from './portable.ts'
import { accountNode } from './presets.ts'
import { PublishedNodes } from './published.ts'
import { forgetUser, PubsubService, serviceRealm } from './service.ts'

export { NodeStore } from './nodes.ts'
export { type PublishedEdit, PublishedNodes } from './published.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** A user (bare JID) is there no more, and has nothing to do with the nodes of the service. */
    'pubsub:gone'(service: JID, who: string): Promise<void>
  }
}

/** XEP-0060 §10: what of it there is at accounts and at the service. */
const COMMON = [
  'access-authorize',
  'access-open',
  'access-whitelist',
  'auto-create',
  'config-node',
  'config-node-max',
  'create-and-configure',
  'create-nodes',
  'delete-items',
  'delete-nodes',
  'instant-nodes',
  'item-ids',
  'last-published',
  'manage-subscriptions',
  'member-affiliation',
  'modify-affiliations',
  'multi-items',
  'outcast-affiliation',
  'persistent-items',
  'publish',
  'publish-only-affiliation',
  'publish-options',
  'publisher-affiliation',
  'purge-nodes',
  'retract-items',
  'retrieve-affiliations',
  'retrieve-default',
  'retrieve-default-sub',
  'retrieve-items',
  'retrieve-subscriptions',
  'rsm',
  'subscribe',
  'subscription-notifications',
  'subscription-options',
]
/** What there is besides at accounts. */
const OF_ACCOUNTS = [
  'access-presence',
  'access-roster',
  'auto-subscribe',
  'filtered-notifications',
  'pubsub-on-a-jid',
]

const named = (features: readonly string[]): readonly string[] => features.map(name => `${NS.pubsub}#${name}`)

export default defineExtension({
  name: 'pubsub',
  doc: "Keeps what users' clients publish (avatars, bookmarks, keys, moods) and tells those who want to know",
  xeps: [
    {
      xep: 60,
      version: '1.30.0',
      status: 'complete',
      note: 'leaf nodes; one subscription for each address',
    },
    { xep: 163, version: '1.2.2', status: 'complete' },
    { xep: 222, version: '1.0', status: 'complete' },
    { xep: 223, version: '1.1.1', status: 'complete' },
  ],
  features: {
    account: [NS.pubsub, ...named([...COMMON, ...OF_ACCOUNTS])],
    pubsub: [NS.pubsub, ...named(COMMON)],
  },
  follows: [disco, roster, capabilities],
  portable: [portable],
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
    'users-per-node': option.integer({
      doc: 'Most users that are subscribed to one node or have an affiliation with it',
      default: 10_000,
      min: 1,
      max: 100_000,
    }),
    'subscriptions-per-user': option.integer({
      doc: 'Most nodes of one account, or of the service, that a user may subscribe to',
      default: 1_000,
      min: 1,
      max: 10_000,
    }),
    service: option.boolean({
      doc: 'Whether there is a service at which users make nodes that are not of their accounts',
      default: true,
    }),
    host: option.text({ doc: 'The domain of the service; empty: pubsub.<host>', default: '' }),
    'created-by': option.choice({
      doc: 'Who may make nodes at the service',
      choices: ['users', 'admins'],
      default: 'users',
    }),
    'nodes-of-service': option.integer({
      doc: 'Most nodes of the service',
      default: 10_000,
      min: 1,
      max: 100_000,
    }),
  },
  setup(host, options) {
    const store = new NodeStore(host)
    const { relations } = store
    const access = new NodeAccess(host, host.use(roster), relations)
    const notifications = new Notifications({
      host,
      store,
      access,
      capabilities: host.use(capabilities),
      blocking: host.find(blocking),
    })
    const common = {
      host,
      store,
      access,
      notifications,
      limits: {
        items: options['items-per-node'],
        bytes: options.bytes,
        nodeBytes: options['bytes-per-node'],
        relations: options['users-per-node'],
        subscriptions: options['subscriptions-per-user'],
      },
    }
    const ofAccounts: NodeParts = {
      ...common,
      realm: accountRealm(options['nodes-per-user']),
      heard: new Listeners(),
    }
    const ofService: NodeParts = {
      ...common,
      realm: serviceRealm(host, relations, {
        creators: options['created-by'],
        mostNodes: options['nodes-of-service'],
        nodesPerUser: options['nodes-per-user'],
      }),
    }
    const service = JID.parse(options.host === '' ? `pubsub.${host.domain}` : options.host)
    if (options.service)
      host.router.services.add(service.domain, new PubsubService(host, service, ofService), host.domain)
    const found = host.use(disco)
    found.addIdentity('account', { category: 'pubsub', type: 'pep' })
    for (const [place, parts] of [['account', ofAccounts] as const, ['pubsub', ofService] as const]) {
      found.addNodes(place, discoNodes(parts))
      found.addItems(place, nodeList(parts))
    }
    // XEP-0163 §6: contacts see what an account can do.
    found.showTo(({ owner, stanza }) => access.isContact(owner, stanza.from))
    return {
      iq: [...answering('account', ofAccounts), ...answering('pubsub', ofService)],
      stages: [
        stage(
          'guard',
          { kind: 'message', side: 'recipient', child: ['x', NS.forms] },
          (stanza, { owner }) => {
            // What the service asks the owner of a node about he answers to himself: it is for nobody else to read.
            if (!stanza.from.bare.equals(owner) || stanza.to?.resource !== '' || !isApproval(stanza)) return
            const done = host.router.homes.inLane(owner, () => approve(ofAccounts, owner, stanza))
            host.background.run('pubsub', done)
            return 'drop'
          },
        ),
      ],
      atHome: {
        'pubsub:tell': (owner, news) => notifications.tell(owner, news),
        'pubsub:last': (owner, wish) => notifications.last(owner, wish),
        'pubsub:gone': (owner, who) => forgetUser(ofService, owner, JID.parse(who)),
      },
      on: {
        'session:presence': ({ session }) =>
          session.available ? notifications.interested(session) : notifications.left(session),
        'session:capabilities': ({ session }) => notifications.interested(session),
        'roster:granted': ({ owner, contact }) => notifications.granted(owner, contact),
        'user:removed': ({ owner }) => {
          store.forget(owner)
          if (!options.service) return
          host.background.run('pubsub', host.router.atHome.run('pubsub:gone', service, owner.toString()))
        },
      },
      moving: { forget: which => store.drop(which) },
      provides: new PublishedNodes(store, ofAccounts),
    }
  },
})

/** The nodes of accounts: each is its owner's. */
function accountRealm(mostNodes: number): Realm {
  return {
    presetOf: accountNode,
    models: ACCOUNT_MODELS,
    mostNodes,
    requireCreator(owner, who) {
      if (!who.bare.equals(owner)) throw new StanzaError('forbidden')
    },
    related: () => new Map(),
  }
}
