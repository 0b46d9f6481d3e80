import t from 'tap'
import { chat, clientScenarios, clientServer, inOneGo, shutdown } from './scenarios.ts'
import { xmppJs, xmppJsWebSocket } from './xmpp-js.ts'

t.test(xmppJsWebSocket.name, async t => {
  const server = await clientServer(t)
  await clientScenarios(t, xmppJsWebSocket, server)
  await t.test('signs in in one go', t => inOneGo(t, xmppJsWebSocket, server))
  await t.test('with xmpp.js over TCP', t => chat(t, [xmppJsWebSocket, xmppJs], server))
  await t.test('sees the server stop', t => shutdown(t, xmppJsWebSocket, server))
})
