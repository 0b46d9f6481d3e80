import t from 'tap'
import { chat, clientScenarios, clientServer, shutdown } from './scenarios.ts'
import { xmppJs, xmppJsWebSocket } from './xmpp-js.ts'

for (const kind of [xmppJs, xmppJsWebSocket])
  t.test(kind.name, async t => {
    const server = await clientServer(t)
    await clientScenarios(t, kind, server)
    await t.test('with xmpp.js over TCP', t => chat(t, [kind, xmppJs], server))
    await t.test('sees the server stop', t => shutdown(t, kind, server))
  })
