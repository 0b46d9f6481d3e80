import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import type { HttpRoute } from '../../src/core/http-route.ts'
import { silentLog } from '../../src/core/log.ts'
import { trustedAddresses } from '../../src/core/networks.ts'
import { createApp } from '../../src/http/app.ts'
import { type HttpExchange, HttpServer, type HttpServerOptions } from '../../src/http/server.ts'
import { ask, type HttpResponse } from '../support/http.ts'
import { RawClient } from '../support/raw-client.ts'
import { testCertificates } from '../support/test-server.ts'

const echo: HttpRoute = {
  method: 'POST',
  path: '/echo/:word',
  handler: ({ body, address, origin, parameters, query, path }) => ({
    status: 201,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ body: body.toString(), address, origin, parameters, path, q: query.get('q') }),
  }),
}
const broken: HttpRoute = {
  method: 'GET',
  path: '/broken',
  handler: () => {
    throw new Error('a secret')
  },
}
const named = (name: string): HttpRoute => ({ method: 'GET', path: '/name', handler: () => ({ body: name }) })

async function serve(t: Test, changes: Partial<HttpServerOptions> & { proxies?: string[] } = {}) {
  const trusts = trustedAddresses(changes.proxies ?? [])
  const server = new HttpServer({
    trusts,
    handlers: new Map(),
    upgrades: new Map(),
    closeSeconds: 5,
    clock: systemClock,
    log: silentLog,
    app: () =>
      createApp({
        hosts: [
          { domain: 'localhost', routes: [echo, broken, named('first')] },
          { domain: 'other.example', routes: [named('second')] },
        ],
        services: { webChat: false, bosh: false },
        trusts,
        log: silentLog,
      }),
    ...changes,
  })
  const { port } = await server.listen({ address: '127.0.0.1', port: 0 })
  t.teardown(() => server.stop())
  return { server, port, url: `http://localhost:${port}` }
}

t.test('a route gets what was asked, and its answer is sent', async t => {
  const { url } = await serve(t)
  const { status, headers, body } = await ask(`${url}/echo/a%20b?q=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{ no json',
  })
  t.equal(status, 201)
  t.match(headers['content-type'], /^application\/json/)
  t.strictSame(JSON.parse(body), {
    body: '{ no json',
    address: '127.0.0.1',
    origin: url,
    parameters: { word: 'a b' },
    path: '/echo/a%20b',
    q: '1',
  })
})

t.test('each host has its own routes; a name that is not served means the first', async t => {
  const { url } = await serve(t)
  const at = async (host: string) => (await ask(`${url}/name`, { headers: { host } })).body
  t.equal(await at('other.example'), 'second')
  t.equal(await at('OTHER.example:5280'), 'second')
  t.equal(await at('127.0.0.1'), 'first')
})

t.test('strict headers are on every answer', async t => {
  const { url } = await serve(t)
  for (const path of ['/name', '/nothing', '/broken']) {
    const { headers } = await ask(url + path)
    t.match(headers, {
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    })
    t.notOk(headers['strict-transport-security'])
    t.notOk(headers['access-control-allow-origin'])
  }
})

t.test('bad input is answered and harms nobody', async t => {
  const { url, port } = await serve(t)
  t.equal((await ask(`${url}/nothing`)).status, 404)
  t.equal((await ask(`${url}/%`)).status, 400)
  t.equal((await ask(`${url}/echo/${'x'.repeat(300)}`, { method: 'POST' })).status, 414)
  t.equal((await ask(`${url}/echo/a`, { method: 'POST', body: Buffer.alloc(65 * 1024) })).status, 413)
  t.equal((await ask(`${url}/name`, { headers: { 'x-long': 'x'.repeat(20_000) } })).status, 431)
  t.equal((await ask(`${url}/name`, { headers: { host: 'a/../b' } })).status, 400)
  t.equal((await ask(`${url}/name`, { headers: { connection: 'upgrade', upgrade: 'h2c' } })).status, 200)
  const { status, body } = await ask(`${url}/broken`)
  t.equal(status, 500)
  t.notMatch(body, 'secret')
  for (const rubbish of ['\0\0\0\0\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET /name HTTP/1.1\r\n\r\n']) {
    const client = await RawClient.connect(port)
    client.send(rubbish)
    t.match(await client.end(), /^HTTP\/1.1 400 /)
  }
  t.equal((await ask(`${url}/name`)).status, 200, 'and goes on')
})

t.test('only trusted proxies are believed', async t => {
  const headers = { 'x-forwarded-for': '6.6.6.6, 198.51.100.7, 10.0.0.1', 'x-forwarded-proto': 'https' }
  const seen = async (proxies: string[], more = {}) => {
    const { url } = await serve(t, { proxies })
    const { body, headers: answered } = await ask(`${url}/echo/a`, {
      method: 'POST',
      headers: { ...headers, host: 'chat.example', ...more },
    })
    const { address, origin } = JSON.parse(body)
    return { address, origin, strict: answered['strict-transport-security'] }
  }
  t.same(await seen([]), { address: '127.0.0.1', origin: 'http://chat.example', strict: undefined })
  t.same(await seen(['127.0.0.1', '10.0.0.0/8']), {
    address: '198.51.100.7',
    origin: 'https://chat.example',
    strict: 'max-age=31536000',
  })
  t.match(await seen(['127.0.0.1'], { 'x-forwarded-for': 'unknown' }), { address: '127.0.0.1' })
  t.match(await seen(['127.0.0.1'], { host: 'localhost' }), { strict: undefined }, 'never for localhost')
})

t.test('HTTPS, with the certificate of the name', async t => {
  const { port } = await serve(t, { certificates: await testCertificates() })
  const { body, headers } = await ask(`https://127.0.0.1:${port}/name`, { headers: { host: 'chat.example' } })
  t.equal(body, 'first')
  t.equal(headers['strict-transport-security'], 'max-age=31536000')
  const plain = await RawClient.connect(port)
  plain.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await plain.end()
  t.equal((await ask(`https://127.0.0.1:${port}/name`)).status, 200, 'a client without TLS harms nobody')
})

t.test('one address has only so many connections', async t => {
  const { port } = await serve(t)
  const open = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'))
  await Promise.all(open.map(socket => once(socket, 'connect')))
  const more = await RawClient.connect(port)
  t.equal(await more.end(), '', 'no more')
  for (const socket of open) socket.destroy()
})

t.test('a handler beside the app; connections of clients that it knows count no more', async t => {
  const held: HttpExchange[] = []
  let arrived = Promise.withResolvers<void>()
  const { url } = await serve(t, {
    handlers: new Map([
      [
        '/held',
        exchange => {
          held.push(exchange)
          arrived.resolve()
        },
      ],
    ]),
  })
  const answers: Promise<HttpResponse>[] = []
  for (let i = 0; i < 100; i++) {
    answers.push(ask(`${url}/held?${i}`))
    await arrived.promise
    arrived = Promise.withResolvers()
  }
  await t.rejects(ask(`${url}/name`), 'no more')
  for (const { release } of held) release()
  t.equal((await ask(`${url}/name`)).status, 200)
  for (const { response } of held) response.end('done')
  t.ok((await Promise.all(answers)).every(({ body }) => body === 'done'))
})

t.test('it stops when its requests have ended', async t => {
  const waiting = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const { server, url } = await serve(t, {
    app: async () => async (_request, response) => {
      asked.resolve()
      await waiting.promise
      response.end('done')
    },
  })
  const answer = ask(`${url}/slow`)
  await asked.promise
  const stopped = server.stop()
  await t.rejects(ask(`${url}/late`), { code: 'ECONNREFUSED' })
  waiting.resolve()
  t.equal((await answer).body, 'done')
  await stopped
})
