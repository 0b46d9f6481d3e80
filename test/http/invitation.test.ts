/** From the first start to the first chat: the link, the page, the account, the stream over WebSocket. */
import t from 'tap'
import { ask } from '../support/http.ts'
import { TestServer } from '../support/test-server.ts'
import { WebSocketClient } from '../support/websocket-client.ts'

const FORM = {
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: 'username=alice&password=correct+horse+9',
}

t.test('the first invitation is a page of the HTTP server, and leads to an account', async t => {
  const server = await TestServer.start()
  t.teardown(() => server.close())
  const origin = `http://localhost:${server.ports[0]!.http}`
  const page = (await server.firstInvitation())?.page ?? ''
  t.match(page, new RegExp(`^${origin}/invite/\\w+$`))

  const shown = await ask(page)
  t.match(shown, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  t.match(
    String(shown.headers['content-security-policy']),
    "form-action 'self'",
    'the policy is that of the page',
  )
  t.match(shown.body, '<form method="post">')

  t.match(
    await ask(page, { ...FORM, headers: { ...FORM.headers, origin: 'https://elsewhere.example' } }),
    { status: 403 },
    'a form from another site',
  )
  const welcome = await ask(page, { ...FORM, headers: { ...FORM.headers, origin } })
  t.match(welcome, { status: 200, body: '<b>alice@localhost</b>' })
  t.match(welcome.body, 'href="/"', 'the web chat')
  t.match(await ask(`${origin}/`), { status: 200, body: 'converse' })

  const alice = await WebSocketClient.connect({ url: `${origin.replace('http', 'ws')}/ws` })
  t.match(await alice.signIn('alice', 'correct horse 9', 'web'), '<jid>alice@localhost/web</jid>')
  t.equal(await server.firstInvitation(), undefined, 'nobody is invited once somebody is there')
})

t.test('a link that leads nowhere', async t => {
  const server = await TestServer.start()
  t.teardown(() => server.close())
  const url = `http://localhost:${server.ports[0]!.http}/invite/${'x'.repeat(24)}`
  t.match(await ask(url), { status: 404, body: 'not good any more' })
  t.match(await ask(url, FORM), { status: 404 })
})

t.test('without a web chat nothing leads to it', async t => {
  const server = await TestServer.start({ config: { listeners: { http: { 'web-chat': false } } } })
  t.teardown(() => server.close())
  const page = (await server.firstInvitation())?.page ?? ''
  const origin = new URL(page).origin
  const pages = [await ask(page), await ask(page, FORM), await ask(`${origin}/invite/${'x'.repeat(24)}`)]
  t.strictSame(
    pages.map(({ status }) => status),
    [200, 200, 404],
  )
  for (const { body } of pages) t.notMatch(body, /href="\/"|browser/i)
  t.match(await ask(`${origin}/`), { status: 404, body: 'There is nothing here.' })
})
