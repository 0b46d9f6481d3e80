/** XEP-0199: XMPP Ping. */
import { defineExtension, get } from '../core/extension.ts'
import { NS } from '../xml/ns.ts'

const PING = [NS.ping]

export default defineExtension({
  name: 'ping',
  doc: 'Answers pings, so that clients and servers can see whether a stream is alive',
  xeps: [{ xep: 199, version: '2.0.1', status: 'complete' }],
  features: { server: PING, account: PING, pubsub: PING, rooms: PING, room: PING },
  setup: () => ({
    // XEP-0199 §4.2: at an account, for a client that leaves out `to` or uses its bare JID.
    iq: (['server', 'account', 'pubsub', 'rooms', 'room'] as const).map(place =>
      get(NS.ping, 'ping', place, () => undefined),
    ),
  }),
})
