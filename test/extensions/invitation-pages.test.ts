/** The landing page of an invitation: XEP-0401 §5.2. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import type { HttpAnswer, HttpRequest } from '../../src/core/http-route.ts'
import { defaults } from '../../src/core/options.ts'
import invitations, { Invitations, type NewInvitation } from '../../src/extensions/invitations/index.ts'
import registration from '../../src/extensions/registration/index.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'

/** A host whose pages can be asked for; `came` are those who came by an invitation of somebody. */
function setUp(options: { readonly perHour?: number } = {}) {
  const clock = new ManualClock()
  const came: string[] = []
  const spy = defineExtension({
    name: 'spy',
    doc: 'Listens',
    setup: () => ({
      on: { 'invite:redeemed': ({ inviter, newcomer }) => void came.push(`${inviter} ${newcomer}`) },
    }),
  })
  const extensions = [registration, spy]
  const { routers } = core({
    extensions,
    clock,
    options: { registration: { 'accounts-per-hour': options.perHour ?? 10 } },
  })
  const host = routers[0]!.host('localhost')!
  const { http = [] } = invitations.setup(host, defaults(invitations.options!))
  const invite = async (wanted: Partial<NewInvitation> = {}): Promise<string> => {
    const made = await new Invitations(host.storage, clock, host.jid).create({
      lifetime: 3_600_000,
      uses: 1,
      ...wanted,
    })
    return made.token
  }
  const request = async (
    method: 'GET' | 'POST',
    token: string,
    more: Partial<HttpRequest> = {},
  ): Promise<HttpAnswer> =>
    http
      .find(route => route.method === method && route.path === '/invite/:token')!
      .handler({
        method,
        path: `/invite/${token}`,
        parameters: { token },
        query: new URLSearchParams(),
        headers: {},
        body: Buffer.alloc(0),
        address: '192.0.2.1',
        origin: 'https://localhost',
        services: { webChat: true, bosh: true },
        ...more,
      })
  const post = (token: string, username: string, password: string, headers: HttpRequest['headers'] = {}) =>
    request('POST', token, {
      body: Buffer.from(new URLSearchParams({ username, password }).toString()),
      headers,
    })
  return { clock, came, host, invite, request, post }
}

t.test('the page says who invites, where, until when, and how to go on', async t => {
  const { invite, request } = setUp()
  const token = await invite({ inviter: 'alice@localhost' })
  const { status, body, headers } = await request('GET', token, {
    headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' },
  })
  const text = String(body)
  t.equal(status, 200)
  t.match(text, '<h1>alice@localhost invites you to chat</h1>')
  t.match(text, `href="xmpp:alice@localhost?roster;preauth=${token};ibr=y"`)
  t.match(text, 'until Thu, 01 Jan 2026 01:00:00 GMT: it is yours alone.')
  t.match(text, /<li>Linux: .*<li>Android: /s, 'its own platform comes first')
  t.match(text, /<form method="post">.*name="username" value="" required.*name="password" type="password"/s)
  t.match(headers, { 'cache-control': 'no-store', 'referrer-policy': 'same-origin' })
  t.match(text, /<svg [^>]*aria-label="QR code with the address of this page"/)
  t.notMatch(text, /<script|style=|onclick/i)
})

t.test('the policy allows the style and nothing else', async t => {
  const { invite, request } = setUp()
  const { body, headers } = await request('GET', await invite())
  const style = /<style>(.*)<\/style>/s.exec(String(body))![1]!
  const hash = createHash('sha256').update(style).digest('base64')
  t.equal(
    headers?.['content-security-policy'],
    `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  )
})

t.test('an account is made on the page, once, and the inviter hears of it', async t => {
  const { came, host, invite, request, post } = setUp()
  const token = await invite({ inviter: 'alice@localhost' })
  const { status, body } = await post(token, ' Juliet ', 'romeo', { 'sec-fetch-site': 'same-origin' })
  t.equal(status, 200)
  t.match(String(body), 'Your address is <b>juliet@localhost</b>')
  t.equal(await host.accounts.exists(JID.parse('juliet@localhost')), true)
  t.strictSame(came, ['alice@localhost juliet@localhost'])
  t.match(await post(token, 'nurse', 'romeo'), { status: 404 })
  t.match(await request('GET', token), { status: 404, body: /not good any more/ })
})

t.test('what can be mended is told on the same page, and uses nothing up', async t => {
  const { invite, post } = setUp()
  const token = await invite()
  for (const [username, password, why] of [
    ['alice', 'x', 'This name is taken.'],
    ['', 'x', 'A name and a password are needed.'],
    ['juliet', '', 'A name and a password are needed.'],
    ['a b', 'x', 'This name cannot be used in an address.'],
  ] as const)
    t.match(await post(token, username, password), { status: 422, body: new RegExp(`role="alert">${why}<`) })
  t.match(await post(token, 'juliet', 'x'), { status: 200 })
})

t.test('a name that is given cannot be changed', async t => {
  const { invite, request, post } = setUp()
  const token = await invite({ name: 'juliet' })
  t.match(await request('GET', token), { body: /value="juliet" readonly required/ })
  t.match(await post(token, 'nurse', 'x'), { status: 422, body: /for the name juliet/ })
  t.match(await post(token, 'juliet', 'x'), { status: 200 })
})

// XEP-0401 §5.2: "A prominent button that activates the encoded xmpp: link."
t.test('an invitation for contacts alone makes no account', async t => {
  const { invite, request, post, host } = setUp()
  const token = await invite({ inviter: 'alice@localhost', only: 'contact' })
  const { status, body } = await request('GET', token)
  t.equal(status, 200)
  t.match(String(body), '<h1>alice@localhost invites you to chat</h1>')
  t.match(String(body), `<a class="button" href="xmpp:alice@localhost?roster;preauth=${token}">`)
  t.notMatch(String(body), /<form|Your account will be on/)
  t.match(await post(token, 'juliet', 'romeo'), { status: 404 })
  t.equal(await host.accounts.exists(JID.parse('juliet@localhost')), false)
})

t.test('whatever people write is escaped', async t => {
  const { invite, post } = setUp()
  const token = await invite({ inviter: `al'ice<b>@localhost` })
  const { body } = await post(token, `"><script>alert('x')</script>`, 'x')
  t.match(String(body), 'value="&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;"')
  t.notMatch(String(body), /<script|ice<b>/)
})

t.test('a link that leads nowhere does not tell why', async t => {
  const { clock, invite, request } = setUp()
  const token = await invite()
  clock.advance(3_600_000)
  const [expired, unknown] = [await request('GET', token), await request('GET', 'guessed')]
  t.equal(expired.status, 404)
  t.strictSame(expired, unknown)
})

t.test('forms of other sites are refused', async t => {
  const { invite, post } = setUp()
  const token = await invite()
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])
    t.match(await post(token, 'juliet', 'x', headers), { status: 403 })
  t.match(await post(token, 'juliet', 'x', { origin: 'https://localhost' }), { status: 200 })
})

t.test('a form that is too long', async t => {
  const { invite, post } = setUp()
  t.match(await post(await invite(), 'juliet', 'x'.repeat(20_000)), { status: 413 })
})

t.test('one address makes so many accounts in an hour, and tries so many tokens', async t => {
  const { invite, request, post } = setUp({ perHour: 1 })
  const token = await invite({ uses: 3 })
  t.match(await post(token, 'one', 'x'), { status: 200 })
  t.match(await post(token, 'two', 'x'), { status: 429, body: /Too many new accounts from your address/ })
  for (let i = 0; i < 300; i++) await request('GET', 'guessed')
  t.match(await request('GET', token), { status: 429 })
  t.match(await request('GET', token, { address: '192.0.2.2' }), { status: 200 })
})
