import t from 'tap'
import { ask } from '../support/http.ts'
import { TestServer } from '../support/test-server.ts'

async function serverFor(t: { teardown(end: () => Promise<void>): void }, http: object = {}) {
  const server = await TestServer.start({
    config: { hosts: [{ name: 'localhost' }, { name: 'chat.example' }], listeners: { http } },
  })
  t.teardown(() => server.close())
  const port = server.ports[0]!.http
  return { url: `${'tls' in http ? 'https' : 'http'}://localhost:${port}`, port }
}

t.test('the page allows what it needs and no more', async t => {
  const { url, port } = await serverFor(t)
  const { status, headers, body } = await ask(`${url}/`)
  t.equal(status, 200)
  t.match(headers['content-type'], 'text/html')
  const policy = String(headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.match(policy, `connect-src 'self' ws://localhost:${port};`)
  t.match(
    policy,
    /script-src 'self' 'wasm-unsafe-eval';/,
    'no code but that of files, and WebAssembly for OMEMO',
  )
  t.notMatch(policy, /'unsafe-eval'|https:|\*/)
  t.match(body, `data-websocket="ws://localhost:${port}/ws"`)
  for (const [, path = ''] of body.matchAll(/(?:src|href)="([^"]+)"/g)) {
    t.match(path, /^\//, 'from here')
    t.equal((await ask(url + path)).status, 200, path)
  }
})

t.test('it is for the domain that it was asked at', async t => {
  const { url } = await serverFor(t)
  const domainOf = async (host: string) =>
    /data-domain="([^"]*)"/.exec((await ask(`${url}/`, { headers: { host } })).body)?.[1]
  t.equal(await domainOf('chat.example:5280'), 'chat.example')
  t.equal(await domainOf('[::1]:5280'), 'localhost', 'the first of them, for a name that is none of them')
})

t.test('files of Converse, and nothing beside them', async t => {
  const { url } = await serverFor(t)
  t.equal((await ask(`${url}/chat/converse/converse.min.css`)).status, 200)
  // Converse fetches them when somebody first uses OMEMO.
  t.equal((await ask(`${url}/chat/converse/libomemo.esm.min.js`)).status, 200)
  const { status, headers } = await ask(`${url}/chat/converse/curve25519_compiled.wasm`)
  t.equal(status, 200)
  t.match(headers['content-type'], 'application/wasm', 'browsers compile no other')
  for (const path of ['../package.json', '..%2fpackage.json', '', '%00'])
    t.match(String((await ask(`${url}/chat/converse/${path}`)).status), /^4/, path)
})

t.test('it can be switched off', async t => {
  const { url } = await serverFor(t, { 'web-chat': false })
  t.match(await ask(`${url}/`), { status: 404, body: 'There is nothing here.\n' })
})

t.test('XEP-0156 §2.2: host-meta in both forms, with links for wss alone', async t => {
  const plain = await serverFor(t)
  t.notMatch((await ask(`${plain.url}/.well-known/host-meta`)).body, 'Link')
  const { url, port } = await serverFor(t, { tls: true })
  const links = [
    { rel: 'urn:xmpp:alt-connections:websocket', href: `wss://localhost:${port}/ws` },
    { rel: 'urn:xmpp:alt-connections:xbosh', href: `https://localhost:${port}/bosh` },
  ]
  const xrd = await ask(`${url}/.well-known/host-meta`)
  t.match(xrd.headers, {
    'content-type': 'application/xrd+xml; charset=utf-8',
    'access-control-allow-origin': '*',
  })
  for (const { rel, href } of links) t.match(xrd.body, `<Link rel="${rel}" href="${href}"/>`)
  const jrd = await ask(`${url}/.well-known/host-meta.json`)
  t.match(jrd.headers, { 'content-type': /^application\/json/, 'access-control-allow-origin': '*' })
  t.strictSame(JSON.parse(jrd.body), { links })
  const without = await serverFor(t, { tls: true, bosh: false })
  t.notMatch((await ask(`${without.url}/.well-known/host-meta.json`)).body, 'xbosh')
})
