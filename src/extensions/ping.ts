/** XEP-0199: XMPP Ping. */
import { defineExtension, get } from '../core/extension.ts'
import { NS } from '../xml/ns.ts'

export default defineExtension({
  name: 'ping',
  doc: 'Answers pings, so that clients and servers can see whether a stream is alive',
  xeps: [{ xep: 199, version: '2.0.1', status: 'complete' }],
  features: { server: [NS.ping], account: [NS.ping], pubsub: [NS.ping], rooms: [NS.ping], room: [NS.ping] },
  setup: () => ({
    iq: [
      get(NS.ping, 'ping', 'server', () => undefined),
      // XEP-0199 §4.2: a client may leave out `to` or use its bare JID.
      get(NS.ping, 'ping', 'account', () => undefined),
      get(NS.ping, 'ping', 'pubsub', () => undefined),
      get(NS.ping, 'ping', 'rooms', () => undefined),
      get(NS.ping, 'ping', 'room', () => undefined),
    ],
  }),
})
