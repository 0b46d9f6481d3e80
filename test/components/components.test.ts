import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { signIn } from '../support/c2s.ts'
import { RawClient } from '../support/raw-client.ts'
import { TestServer, testCertificates } from '../support/test-server.ts'

const DOMAIN = 'gateway.localhost'
const SECRET = 'between us'
const PASSWORD = 'wonderland'
const CONFIG = {
  listeners: { components: { port: 0 } },
  components: [
    { name: DOMAIN, secret: SECRET },
    { name: 'other.localhost', secret: 'another' },
  ],
}
const certificates = await testCertificates()

async function server(t: Test, nodes = 1): Promise<TestServer> {
  const accounts = ['alice', 'bob'].map(name => [`${name}@localhost`, PASSWORD] as const)
  const started = await TestServer.start({ nodes, accounts, certificates, config: CONFIG })
  t.teardown(() => started.close())
  return started
}

const header = (to: string, ns: string = NS.component) =>
  `<stream:stream xmlns='${ns}' xmlns:stream='${NS.stream}' to='${to}'>`

/** A component that has opened its stream; gives its id. */
async function opened(port: number, to = DOMAIN): Promise<[RawClient, string]> {
  const component = await RawClient.connect(port)
  component.send(header(to))
  const [, id = ''] = await component.expect(/<stream:stream [^>]* id='([^']+)'>/)
  return [component, id]
}

const proof = (id: string, secret = SECRET) =>
  createHash('sha1')
    .update(id + secret)
    .digest('hex')

/** A component that is connected. */
async function connected(port: number, to = DOMAIN, secret = SECRET): Promise<RawClient> {
  const [component, id] = await opened(port, to)
  component.send(`<handshake>${proof(id, secret)}</handshake>`)
  await component.expect('<handshake/>')
  return component
}

async function client(started: TestServer, name: string, node = 0): Promise<RawClient> {
  const raw = await RawClient.connect(started.ports[node]!.tcp)
  await signIn(raw, name, 'desk')
  return raw
}

for (const nodes of [1, 2])
  t.test(`XEP-0114 §3: stanzas both ways, on ${nodes} node(s)`, async t => {
    const started = await server(t, nodes)
    // At every node, since one of them is the home of the domain.
    for (const port of started.componentPorts) {
      const component = await connected(port)
      for (let node = 0; node < nodes; node++) {
        const alice = await client(started, 'alice', node)
        alice.send(`<message to='x@${DOMAIN}/y' type='chat' id='1'><body>hi</body></message>`)
        await component.expect(
          `<message to="x@${DOMAIN}/y" from="alice@localhost/desk" type="chat" id="1"><body>hi</body></message>`,
        )
        component.send(`<message to='alice@localhost/desk' from='x@${DOMAIN}/y'><body>ho</body></message>`)
        await alice.expect(
          `<message to="alice@localhost/desk" from="x@${DOMAIN}/y"><body>ho</body></message>`,
        )
        alice.send(`<iq to='${DOMAIN}' type='get' id='2'><ping xmlns='${NS.ping}'/></iq>`)
        await component.expect(`<iq to="${DOMAIN}" from="alice@localhost/desk" type="get" id="2">`)
        component.send(`<iq from='${DOMAIN}' to='alice@localhost/desk' type='result' id='2'/>`)
        await alice.expect(`<iq to="alice@localhost/desk" from="${DOMAIN}" type="result" id="2"/>`)
        // What the server answers itself, and what it refuses.
        component.send(
          `<iq from='${DOMAIN}' to='localhost' type='get' id='3'><ping xmlns='${NS.ping}'/></iq>`,
        )
        await component.expect(`<iq to="${DOMAIN}" from="localhost" type="result" id="3"/>`)
        component.send(`<message from='${DOMAIN}' to='nobody@localhost' id='4'><body>hi</body></message>`)
        await component.expect(
          /<message to="gateway.localhost" from="nobody@localhost" type="error" id="4">.*<\/message>/,
        )
        alice.send('</stream:stream>')
        await alice.end()
        alice.socket.end()
      }
      component.send('</stream:stream>')
      t.equal(await component.end(), '</stream:stream>')
      component.socket.end()
    }
  })

t.test('two components write to each other', async t => {
  const started = await server(t)
  const [port = 0] = started.componentPorts
  const [one, two] = [await connected(port), await connected(port, 'other.localhost', 'another')]
  one.send(`<presence from='a@${DOMAIN}' to='b@other.localhost'/>`)
  await two.expect(`<presence to="b@other.localhost" from="a@${DOMAIN}"/>`)
  for (const each of [one, two]) each.socket.destroy()
})

for (const nodes of [1, 2])
  t.test(`what is for a component that is not connected is refused for now, on ${nodes} node(s)`, async t => {
    const started = await server(t, nodes)
    const alice = await client(started, 'alice')
    const refused = /type="error" id="1"><error type="wait"><service-unavailable/
    alice.send(`<message to='${DOMAIN}' id='1'><body>hi</body></message>`)
    await alice.expect(refused)
    const component = await connected(started.componentPorts.at(-1)!)
    component.send('</stream:stream>')
    await component.end()
    component.socket.end()
    await started.settled()
    alice.send(`<message to='${DOMAIN}' id='1'><body>hi</body></message>`)
    await alice.expect(refused)
    alice.socket.destroy()
  })

t.test('XEP-0114 §3: who is let in', async t => {
  const started = await server(t, 2)
  const [port = 0, second = 0] = started.componentPorts
  const refusal = async (component: RawClient, condition: string) => {
    t.match(
      await component.end(),
      new RegExp(`<stream:error><${condition} .*</stream:error></stream:stream>$`),
    )
    component.socket.end()
  }
  await t.test('not under a name that is not configured', async () => {
    const [component] = await opened(port, 'else.localhost')
    await refusal(component, 'host-unknown')
  })
  await t.test('not with another namespace; the header comes first all the same', async () => {
    const component = await RawClient.connect(port)
    component.send(header(DOMAIN, NS.client))
    await component.expect(/^<\?xml version='1.0'\?><stream:stream /)
    await refusal(component, 'invalid-namespace')
  })
  await t.test('not with a wrong secret, an upper-case or an empty proof, or without one', async () => {
    const wrong = [
      (id: string) => `<handshake>${proof(id, 'guessed')}</handshake>`,
      (id: string) => `<handshake>${proof(id).toUpperCase()}</handshake>`,
      () => '<handshake/>',
      () => `<message from='${DOMAIN}' to='alice@localhost'/>`,
    ]
    for (const attempt of wrong) {
      const [component, id] = await opened(port)
      component.send(attempt(id))
      await refusal(component, 'not-authorized')
    }
  })
  await t.test('not twice, at whichever node; the first one stays', async () => {
    const first = await connected(port)
    for (const at of [port, second]) {
      const [component, id] = await opened(at)
      component.send(`<handshake>${proof(id)}</handshake>`)
      await refusal(component, 'conflict')
    }
    first.send(`<iq from='${DOMAIN}' to='localhost' type='get' id='1'><ping xmlns='${NS.ping}'/></iq>`)
    await first.expect('type="result" id="1"/>')
    first.socket.destroy()
  })
  await t.test('not after half a minute', async () => {
    const [component] = await opened(port)
    await started.pass(30_000)
    await refusal(component, 'connection-timeout')
  })
})

t.test('what a component may send', async t => {
  const started = await server(t)
  const [port = 0] = started.componentPorts
  const ends: [stanza: string, condition: string][] = [
    [`<message from='alice@localhost' to='bob@localhost'/>`, 'invalid-from'],
    [`<message from='x@y@z' to='bob@localhost'/>`, 'invalid-from'],
    [`<message from='${DOMAIN}'/>`, 'improper-addressing'],
    [`<message to='bob@localhost'/>`, 'improper-addressing'],
    ['<handshake/>', 'unsupported-stanza-type'],
    [`<message xmlns='urn:x' from='${DOMAIN}' to='bob@localhost'/>`, 'unsupported-stanza-type'],
  ]
  for (const [stanza, condition] of ends) {
    const component = await connected(port)
    component.send(stanza)
    t.match(await component.end(), new RegExp(`^<stream:error><${condition} `), stanza)
    component.socket.end()
    await started.settled()
  }
  const component = await connected(port)
  component.send(`<message from='${DOMAIN}' to='a@b@c' id='1'/>`)
  await component.expect(
    /<message to="gateway.localhost" from="gateway.localhost" type="error" id="1">.*<jid-malformed/,
  )
  component.send(`<iq from='${DOMAIN}' to='localhost' type='get'><ping xmlns='${NS.ping}'/></iq>`)
  await component.expect(/<iq .*type="error" id="">.*<bad-request/)
  component.socket.destroy()
})

t.test('ARCHITECTURE §6: a component makes no carbons', async t => {
  const started = await server(t)
  const [port = 0] = started.componentPorts
  const [alice, component] = [await client(started, 'alice'), await connected(port)]
  const wrapper = `<received xmlns='${NS.carbons}'/><sent xmlns='${NS.carbons}'/>`
  component.send(`<message from='${DOMAIN}' to='alice@localhost/desk'>${wrapper}<body>hi</body></message>`)
  await alice.expect(`<message to="alice@localhost/desk" from="${DOMAIN}"><body>hi</body></message>`)
  for (const one of [alice, component]) one.socket.destroy()
})

t.test('the server names its components, and says goodbye to them', async t => {
  const started = await server(t)
  const [port = 0] = started.componentPorts
  const [alice, component] = [await client(started, 'alice'), await connected(port)]
  alice.send(`<iq to='localhost' type='get' id='1'><query xmlns='${NS.discoItems}'/></iq>`)
  await alice.expect(`<item jid="${DOMAIN}"/><item jid="other.localhost"/></query>`)
  alice.socket.destroy()
  started.stop()
  t.match(await component.end(), /^<stream:error><system-shutdown .*<\/stream:stream>$/)
  component.socket.end()
})
