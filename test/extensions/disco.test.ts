import t from 'tap'
import contactAddresses from '../../src/extensions/contact-addresses.ts'
import disco from '../../src/extensions/disco.ts'
import { extensions } from '../../src/extensions/index.ts'
import ping from '../../src/extensions/ping.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { type CoreOptions, core, type TestSession } from '../support/core.ts'

/** What a session is answered to a request. */
async function answer(
  to: string,
  namespace: string,
  options: CoreOptions = {},
  node?: string,
): Promise<string> {
  const server = core({ extensions: [disco, ping], ...options })
  return question(server, await server.session('alice', 'a'), to, namespace, node)
}

async function question(
  server: { settled(): Promise<void> },
  asker: TestSession,
  to: string,
  namespace: string,
  node?: string,
): Promise<string> {
  await asker.send('iq', { to, type: 'get', id: '1' }, xml('query', { xmlns: namespace, node }))
  await server.settled()
  return asker.received.at(-1) ?? ''
}

const features = (text: string) => [...text.matchAll(/<feature var="(.*?)"\/>/g)].map(([, name]) => name)

// XEP-0030 §3.1.
t.test('the server tells its identity and the features of what is loaded', async t => {
  const text = await answer('localhost', NS.discoInfo)
  t.match(text, /<query xmlns=".*disco#info"><identity category="server" type="im" name="Tidings"\/><feature/)
  t.same(features(text), [NS.discoInfo, NS.discoItems, NS.ping])
})

t.test('with every extension loaded the server tells of each', async t => {
  const text = await answer('localhost', NS.discoInfo, { extensions })
  for (const name of ['jabber:iq:version', 'msgoffline', 'urn:xmpp:ping', 'urn:xmpp:time'])
    t.ok(features(text).includes(name), name)
  t.notMatch(text, /jabber:x:data/, 'no form without contact addresses')
})

// XEP-0030 §3.1 and the rules of XEP-0030 §8.
t.test('an account answers its owner; to others it is as if it did not exist', async t => {
  const own = await answer('alice@localhost', NS.discoInfo)
  t.match(own, /<identity category="account" type="registered"\/>/)
  t.same(features(own), [NS.discoInfo, NS.discoItems, NS.ping])
  for (const other of ['bob@localhost', 'nobody@localhost']) {
    t.match(await answer(other, NS.discoInfo), /type="error".*<error type="cancel"><service-unavailable/)
    t.match(await answer(other, NS.discoItems), /type="result".*<query xmlns=".*disco#items"\/>/)
    t.match(await answer(other, NS.discoItems, {}, 'x'), /type="result".*<query xmlns=".*disco#items"\/>/)
  }
})

// XEP-0030 §4.1.
t.test('items: none of the server; of an account its available resources, for its owner', async t => {
  for (const nodes of [1, 2, 3]) {
    const server = core({ extensions: [disco], nodes })
    const { session } = server
    const alice = await session('alice', 'a', nodes - 1)
    const phone = await session('alice', 'phone')
    await session('alice', 'unavailable')
    t.match(await question(server, alice, 'localhost', NS.discoItems), /<query xmlns=".*disco#items"\/>/)
    await phone.send('presence', {})
    const text = await question(server, alice, 'alice@localhost', NS.discoItems)
    t.match(text, /<query xmlns=".*disco#items"><item jid="alice@localhost\/phone"\/><\/query>/)
  }
})

// XEP-0030 §7.
t.test('unknown nodes are not found', async t => {
  for (const to of ['localhost', 'alice@localhost'])
    for (const namespace of [NS.discoInfo, NS.discoItems])
      t.match(await answer(to, namespace, {}, 'nowhere'), /<error type="cancel"><item-not-found/)
})

// XEP-0157 §3.
t.test('contact addresses are a form in what the server tells of itself', async t => {
  const options = {
    'contact-addresses': {
      abuse: ['mailto:abuse@example.com', 'xmpp:abuse@example.com'],
      status: ['https://status.example.com'],
    },
  }
  const text = await answer('localhost', NS.discoInfo, { extensions: [disco, contactAddresses], options })
  t.ok(
    text.includes(
      '<x xmlns="jabber:x:data" type="result"><field var="FORM_TYPE" type="hidden"><value>http://jabber.org/network/serverinfo</value></field>' +
        '<field var="abuse-addresses"><value>mailto:abuse@example.com</value><value>xmpp:abuse@example.com</value></field>' +
        '<field var="status-addresses"><value>https://status.example.com</value></field></x></query>',
    ),
    text,
  )
})

t.test('a contact address that is no URI stops the start with its place', async t => {
  const options = { 'contact-addresses': { admin: ['admin@example.com'] } }
  t.throws(() => core({ extensions: [disco, contactAddresses], options }), {
    code: 'TIDINGS_CONTACT_ADDRESS',
    message: /extensions\.contact-addresses\.admin: "admin@example\.com" is no URI/,
  } as unknown as Error)
})

t.test('without disco, contact addresses cannot be', async t => {
  const failing = () => core({ extensions: [contactAddresses] })
  t.throws(failing, { code: 'TIDINGS_EXTENSION_MISSING' } as unknown as Error)
})
