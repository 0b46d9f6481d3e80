import t from 'tap'
import { clientScenarios, clientServer, inOneGo, shutdown } from './scenarios.ts'
import { xmppJs } from './xmpp-js.ts'

t.test(xmppJs.name, async t => {
  const server = await clientServer(t)
  await clientScenarios(t, xmppJs, server)
  await t.test('signs in in one go', t => inOneGo(t, xmppJs, server))
  await t.test('sees the server stop', t => shutdown(t, xmppJs, server))
})
