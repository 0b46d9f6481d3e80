import t from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { RESTART } from '../support/bosh-client.ts'
import { boshServer, message, PING } from '../support/bosh-server.ts'
import { ask } from '../support/http.ts'

t.test('XEP-0124 §7, XEP-0206 §4: a session and its features', async t => {
  const { client } = await boshServer(t)
  const { status, headers, attributes, payload } = await client().open({ ack: '1', to: 'LOCALHOST' })
  t.equal(status, 200)
  t.equal(headers['content-type'], 'text/xml; charset=utf-8')
  const { sid, ack, ...terms } = attributes
  t.strictSame(terms, {
    xmlns: NS.httpBind,
    'xmlns:xmpp': NS.xbosh,
    'xmlns:stream': NS.stream,
    wait: '60',
    requests: '2',
    hold: '1',
    inactivity: '60',
    polling: '5',
    maxpause: '120',
    ver: '1.11',
    from: 'localhost',
    'xmpp:version': '1.0',
    'xmpp:restartlogic': 'true',
  })
  t.match(sid, /^[\w-]{22}$/, '§20.3: 128 bits')
  t.match(ack, /^\d+$/)
  t.match(payload, /^<stream:features xmlns:stream="http:\/\/etherx.jabber.org\/streams">.*SCRAM-SHA-256</)
  t.notMatch(payload, /starttls|-PLUS/, 'XEP-0206 §4: TLS is no matter of the stream')
})

t.test('§7.2: what the client asks for is the most it gets', async t => {
  const { client } = await boshServer(t)
  const terms = async (opening: Record<string, string | undefined>) =>
    (await client({ opening }).open()).attributes
  t.match(await terms({ wait: '20', hold: '2' }), { wait: '20', hold: '2', requests: '3' })
  t.match(await terms({ wait: '3600', hold: '200' }), { wait: '60', hold: '4', requests: '5' })
  t.match(await terms({ hold: undefined }), { wait: '60', hold: '1', requests: '2' })
  t.match(await terms({ wait: '0' }), { wait: '0', hold: '1', requests: '2', inactivity: '120' }, '§12')
  t.match(await terms({ ver: '1.6' }), { ver: '1.6' })
  t.match(await terms({ ver: '1.20' }), { ver: '1.11' }, 'the parts of a version are numbers')
  t.match(await terms({ ver: '2.0' }), { ver: '1.11' })
})

t.test('sign-in, restart, stanzas in both directions', async t => {
  const { signedIn, server } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  const waiting = await bob.held()
  const sent = await alice.held(message('a &lt; b'))
  t.equal(
    (await waiting.answer).payload,
    '<message xmlns="jabber:client" to="bob@localhost/bosh" from="alice@localhost/bosh"><body>a &lt; b</body></message>',
  )
  t.match((await alice.send(PING)).payload, /type="result" id="p"/, 'the answer goes with the newest request')
  t.equal((await sent.answer).payload, '', '§8: no more are held than the client wants')
  t.equal(server.sessions, 2)
})

t.test('XEP-0206 §2: stanzas that say nothing of their namespace, prefixes of the body', async t => {
  const { signedIn } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  await alice.held(" <message to='bob@localhost/bosh'><body>plain</body><x:y/></message>\n", {
    'xmlns:x': 'urn:example:x',
  })
  t.match((await bob.send()).payload, '<body>plain</body><x:y xmlns:x="urn:example:x"/></message>')
})

t.test('many stanzas in one request, many in one answer, in order', async t => {
  const { signedIn, server } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  await alice.held(Array.from({ length: 100 }, (_, i) => message(String(i))).join(''))
  await server.settled()
  const { payload } = await bob.send()
  const texts = [...payload.matchAll(/<body>(\d+)</g)].map(([, text]) => Number(text))
  t.strictSame(
    texts,
    Array.from({ length: 100 }, (_, i) => i),
  )
})

t.test('§8: an answer comes after "wait" seconds, with nothing in it', async t => {
  const { signedIn, server } = await boshServer(t)
  const bob = await signedIn('bob', { opening: { wait: '20' } })
  const { answer } = await bob.held()
  await server.pass(20_000)
  t.equal((await answer).body, `<body xmlns='${NS.httpBind}'/>`)
})

t.test('XEP-0206 §5: what comes with a request to begin anew is ignored', async t => {
  const { client } = await boshServer(t)
  const alice = client()
  await alice.open()
  const plain = Buffer.from('\0alice\0secret').toString('base64')
  await alice.send(`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>${plain}</auth>`)
  const { to: _, ...restart } = RESTART
  t.match(
    (await alice.send(message('lost'), restart)).payload,
    /<stream:features .*<bind /,
    'nor need it say where',
  )
})

t.test('§13: the client ends the session', async t => {
  const { signedIn, server } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  const { answer } = await bob.held()
  const end = bob.send(`<presence xmlns='${NS.client}' type='unavailable'/>`, { type: 'terminate' })
  t.match(
    (await answer).attributes,
    { type: 'terminate', condition: undefined },
    'the oldest request is told',
  )
  t.equal((await end).body, `<body xmlns='${NS.httpBind}'/>`, 'the others get nothing')
  t.match(
    (await bob.send()).attributes,
    { type: 'terminate', condition: 'item-not-found' },
    'there is no such session',
  )
  await server.settled()
  t.equal(server.sessions, 1)
  t.match((await alice.send(message('x'))).payload, 'service-unavailable')
})

t.test('§17.2: why a session ends, or does not begin', async t => {
  const { client } = await boshServer(t)
  const condition = async (opening: Record<string, string | undefined>) =>
    (await client({ opening }).open()).attributes.condition
  t.equal(await condition({ to: 'nowhere.example' }), 'host-unknown')
  t.equal(await condition({ to: undefined }), 'improper-addressing')
  t.equal(await condition({ 'xmlns:x': NS.xbosh, 'x:version': '0.9' }), 'remote-stream-error')
  const bad = client()
  await bad.open()
  const { attributes, payload } = await bad.send('<presence/>')
  t.match(attributes, { type: 'terminate', condition: 'remote-stream-error' })
  t.match(
    payload,
    /^<stream:error xmlns:stream="[^"]+"><not-authorized .*<\/stream:error>$/,
    'XEP-0206 §6: a copy',
  )
})

t.test('§6: what is no body of a request', async t => {
  const { client } = await boshServer(t)
  const one = client()
  await one.open()
  const { sid } = one
  const open = `xmlns='${NS.httpBind}' rid='${one.rid + 1}' sid='${sid}'`
  for (const body of [
    '',
    'x',
    `<body ${open}>`,
    `<body ${open}>text</body>`,
    `<body ${open}><!-- comment --></body>`,
    `<body ${open}><?pi?></body>`,
    `<!DOCTYPE body><body ${open}/>`,
    `<body ${open} ${open}/>`,
    `<body ${open}/><body ${open}/>`,
    `<body ${open}><a></body>`,
    `<body ${open}><x:a/></body>`,
    `<body xmlns='urn:example' rid='1'/>`,
    `<x xmlns='${NS.httpBind}' rid='1'/>`,
    `<body xmlns='${NS.httpBind}'/>`,
    `<body xmlns='${NS.httpBind}' rid='0'/>`,
    `<body xmlns='${NS.httpBind}' rid='-1'/>`,
    `<body xmlns='${NS.httpBind}' rid='9007199254740992'/>`,
    `<body ${open} content='text/xml\r\nx: y'/>`,
  ])
    t.match((await one.raw(body)).attributes, { type: 'terminate', condition: 'bad-request' }, body)
  const text = `<?xml version='1.0' encoding='UTF-8'?>\n<body ${open} xmlns:a='${NS.xbosh}' a:restart='1'/>\n`
  t.match((await one.raw(text)).payload, 'bad-format', 'a declaration is allowed; the session is there still')
})

t.test('§7.1: the Content-Type that the client wants', async t => {
  const { client } = await boshServer(t)
  const one = client({ opening: { content: 'text/html; charset=utf-8' } })
  t.equal((await one.open()).headers['content-type'], 'text/html; charset=utf-8')
  t.equal((await one.send('<x/>')).headers['content-type'], 'text/html; charset=utf-8')
})

t.test('§17.1: a client that names no version gets errors of HTTP', async t => {
  const { client } = await boshServer(t)
  const old = client({ opening: { ver: undefined } })
  t.equal((await old.open()).attributes.ver, undefined)
  const { status, body } = await old.repeat(old.rid + 3)
  t.strictSame([status, body], [404, ''])
})

t.test('the server stops: system-shutdown', async t => {
  const { signedIn, server } = await boshServer(t)
  const bob = await signedIn('bob')
  const { answer } = await bob.held()
  server.stop()
  t.match((await answer).attributes, { type: 'terminate', condition: 'system-shutdown' })
})

t.test('sign-in takes no longer than over TCP, and strangers are counted', async t => {
  const limits = { 'sign-in-seconds': 20, 'unauthenticated-per-address': 2 }
  const { client, server } = await boshServer(t, { config: { limits } })
  const [one, other] = [client(), client()]
  await one.open()
  await other.open()
  t.match((await client().open()).attributes, { type: 'terminate', condition: 'policy-violation' })
  const { answer } = await one.held()
  await server.pass(20_000)
  t.match((await answer).payload, 'connection-timeout')
  await server.pass(5_000)
  t.match((await other.send()).attributes.condition, 'item-not-found', 'the time to say goodbye is over')
  t.match((await client().open()).payload, 'features')
})

t.test('GET and others: only POST is answered', async t => {
  const { url } = await boshServer(t)
  const { status, headers } = await ask(url)
  t.equal(status, 405)
  t.equal(headers.allow, 'POST, OPTIONS')
})

t.test('it can be switched off', async t => {
  const { url } = await boshServer(t, { config: { listeners: { http: { bosh: false } } } })
  t.equal((await ask(url, { method: 'POST' })).status, 404)
})
