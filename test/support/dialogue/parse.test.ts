import t from 'tap'
import { parseDialogue } from './parse.ts'

const QUOTE = '# XEP-0199 §4.1: The other party MUST return an IQ-result.'
const HEAD = `${QUOTE}\n[alice] alice@localhost/home   [bob] bob@localhost (password x, lang de, STARTTLS)\n[eve] tcp\n`

function parse(body: string, head = HEAD) {
  return parseDialogue(`${head}-----\n${body}`, '0199-ping.dialogue')
}

function action(body: string) {
  const [step] = parse(body).steps
  const { line, text, ...rest } = step ?? {}
  return rest
}

t.test('the head', async t => {
  const dialogue = parse(
    'alice connects',
    `${HEAD}account: dave@localhost\nconfig:\n  limits:\n    stanza: 10000\n\n  extensions: { ping: false }\n`,
  )
  t.equal(dialogue.section, 'XEP-0199 §4.1')
  t.same(dialogue.accounts, ['dave@localhost'])
  t.same(dialogue.config, { limits: { stanza: 10000 }, extensions: { ping: false } })
  t.same(dialogue.clients, [
    {
      name: 'alice',
      address: 'alice@localhost/home',
      password: 'secret',
      over: 'tcp',
      others: ['websocket', 'bosh'],
      tls: undefined,
      lang: undefined,
      admin: false,
    },
    {
      name: 'bob',
      address: 'bob@localhost',
      password: 'x',
      over: 'tcp',
      others: [],
      tls: 'starttls',
      lang: 'de',
      admin: false,
    },
    {
      name: 'eve',
      address: undefined,
      password: 'secret',
      over: 'tcp',
      others: [],
      tls: undefined,
      lang: undefined,
      admin: false,
    },
  ])
})

t.test('what clients connect over', async t => {
  const over = (client: string) => {
    const [{ over, others } = {}] = parse('one connects', `${QUOTE}\n[one] ${client}\n`).clients
    return [over, ...(others ?? [])].join(' ')
  }
  t.equal(over('alice@localhost over bosh (lang de)'), 'bosh')
  t.equal(over('alice@localhost over tcp or websocket'), 'tcp websocket')
  t.equal(over('websocket'), 'websocket')
  t.equal(over('tls'), 'tcp')
  t.throws(() => over('alice@localhost over pigeons'), { message: /neither clients nor/ })
})

for (const [text, expected] of [
  ['alice connects', { do: 'connect', client: 'alice' }],
  [
    'alice enters tea@rooms.localhost/al',
    {
      do: 'enter',
      client: 'alice',
      address: 'tea@rooms.localhost/al',
      presence: '<x xmlns="http://jabber.org/protocol/muc"/>',
    },
  ],
  ['alice comes online', { do: 'online', client: 'alice', presence: '<presence/>' }],
  [
    'alice comes online: <presence><priority>1</priority></presence>',
    { do: 'online', client: 'alice', presence: '<presence><priority>1</priority></presence>' },
  ],
  ['alice disconnects', { do: 'disconnect', client: 'alice' }],
  ['alice drops', { do: 'drop', client: 'alice' }],
  ['eve opens a stream', { do: 'open', client: 'eve' }],
  [
    'eve signs in as bob@localhost',
    { do: 'sign-in', client: 'eve', address: 'bob@localhost', password: 'secret' },
  ],
  ['alice starts TLS', { do: 'start-tls', client: 'alice' }],
  [
    'alice sends: <a b="x: y"/>',
    { do: 'send', client: 'alice', xml: '<a b="x: y"/>', raw: false, bytewise: false },
  ],
  [
    'alice sends byte by byte: <a/>',
    { do: 'send', client: 'alice', xml: '<a/>', raw: false, bytewise: true },
  ],
  [
    'alice sends bytes: <a>\\xff',
    { do: 'send', client: 'alice', xml: '<a>\\xff', raw: true, bytewise: false },
  ],
  ['alice receives: <a/>', { do: 'receive', client: 'alice', xml: '<a/>', anyOrder: false }],
  [
    'alice receives in any order:\n  <a/>\n  <b/>',
    { do: 'receive', client: 'alice', xml: '<a/><b/>', anyOrder: true },
  ],
  ['alice receives nothing', { do: 'receive-nothing', client: 'alice' }],
  ["alice's stream ends", { do: 'stream-ends', client: 'alice' }],
  ["alice's connection ends", { do: 'connection-ends', client: 'alice' }],
  [
    'eve authenticates by SCRAM-SHA-256 as bob with wrong',
    { do: 'scram', client: 'eve', mechanism: 'SCRAM-SHA-256', sasl2: false, user: 'bob', password: 'wrong' },
  ],
  [
    'eve authenticates by SCRAM-SHA-1 in SASL2 as bob',
    { do: 'scram', client: 'eve', mechanism: 'SCRAM-SHA-1', sasl2: true, user: 'bob', password: 'secret' },
  ],
  ['time passes 7 days', { do: 'wait', milliseconds: 604_800_000 }],
  ['time passes 1 second', { do: 'wait', milliseconds: 1_000 }],
  ['the server stops', { do: 'stop-server' }],
  ['the server starts again', { do: 'restart-server' }],
  ['the storage fails', { do: 'storage', fails: true }],
  ['the storage works again', { do: 'storage', fails: false }],
] as const)
  t.test(text, async t => {
    t.same(action(text), expected)
  })

t.test('lines that continue XML', async t => {
  const text = 'alice sends: <a\n    b="1">\n  some\n  words\n# a remark\n\n  <c/>\n  </a>'
  t.match(action(text), { xml: '<a b="1">some words<c/></a>' })
})

for (const [why, body, head] of [
  ['no such step', 'alice sings'],
  ['no such step', 'alice receives nothing: <a/>'],
  ['no client "carol"', 'carol connects'],
  ['nothing stands after', 'alice sends:'],
  ['unknown unit', 'time passes 2 moons'],
  ['continues nothing', '  <a/>'],
  ['nothing happens', ''],
  ['quotation', 'alice connects', '# ping\n[alice] alice@localhost\n'],
  ['quotation', 'alice connects', '[alice] alice@localhost\n'],
  [
    'named after 0199',
    'alice connects',
    '# RFC 6120 §4.3: Some sentence that is long enough.\n[alice] alice@localhost\n',
  ],
  ['neither an address', 'alice connects', `${QUOTE}\n[alice] alice\n`],
  ['unknown option', 'alice connects', `${QUOTE}\n[alice] alice@localhost (loud)\n`],
  ['neither clients', 'alice connects', `${QUOTE}\nalice alice@localhost\n`],
] as const)
  t.test(`refused: ${why}: ${body}`, async t => {
    t.throws(() => parse(body, head), { name: 'DialogueSyntaxError', message: new RegExp(why) })
  })

t.test('a dialogue without a line of dashes', async t => {
  t.throws(() => parseDialogue(HEAD, '0199-ping.dialogue'), { message: /no line of dashes/ })
})

t.test('errors name the line', async t => {
  t.throws(() => parse('alice connects\n\nalice sings'), { message: /^line 7: / })
})
