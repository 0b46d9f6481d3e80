import t from 'tap'
import { chat, clientScenarios, clientServer, shutdown } from './scenarios.ts'
import { slixmpp, withoutSlixmpp } from './slixmpp.ts'
import { xmppJs } from './xmpp-js.ts'

t.test('slixmpp', { skip: withoutSlixmpp() }, async t => {
  const server = await clientServer(t)
  await clientScenarios(t, slixmpp, server)
  await t.test('with xmpp.js', t => chat(t, [slixmpp, xmppJs], server))
  await t.test('with xmpp.js, the other way round', t => chat(t, [xmppJs, slixmpp], server))
  await t.test('sees the server stop', t => shutdown(t, slixmpp, server))
})
