import t from 'tap'
import { Reader, readElement, TRUSTED_LIMITS } from '../../src/xml/reader.ts'
import type { StreamError } from '../../src/xml/stream-error.ts'
import { elementsOf, HEADER, LIMITS, lineOf, readAll } from '../support/xml.ts'

const header = Buffer.from(HEADER)

/** A reader inside an open stream. */
function opened(limits = LIMITS): Reader {
  const reader = new Reader({ ...limits })
  reader.push(header)
  reader.next()
  return reader
}

/** Feeds one byte at a time, each in a Buffer of its own, and returns the items with the number of bytes that each needed. */
function bytewise(reader: Reader, text: string): { kind: string; bytes: number }[] {
  const bytes = Buffer.from(text)
  const found: { kind: string; bytes: number }[] = []
  for (let i = 0; i < bytes.length; i++) {
    reader.push(Buffer.from([bytes[i]!]))
    for (let item = reader.next(); item !== undefined; item = reader.next())
      found.push({ kind: item.kind, bytes: i + 1 })
  }
  return found
}

function ruleOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return (error as StreamError).rule
  }
}

t.test('a header says who is called, by whom, and what it declares', async t => {
  const reader = new Reader({ ...LIMITS })
  reader.push(
    Buffer.from(
      `<?xml version="1.0" encoding='utf-8' standalone='yes'?>\n<stream:stream to='localhost' from='a@localhost' id='1' version='1.0'
        xml:lang='de' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:x='u' x:y='z'>`,
    ),
  )
  const open = reader.next()
  if (open?.kind !== 'open') return t.fail('no header')
  t.match(open, { to: 'localhost', from: 'a@localhost', id: '1', version: '1.0', lang: 'de', empty: false })
  t.equal(open.defaultNamespace, 'jabber:client')
  t.equal(open.prefixes.get('x'), 'u')
  t.same(
    open.attributes.map(({ name }) => name),
    ['to', 'from', 'id', 'version', 'xml:lang', 'xmlns:x', 'x:y'],
  )
  t.equal(reader.next(), undefined)
})

t.test('attributes that a header lacks are undefined, not empty', async t => {
  const [open] = readAll([header.subarray(0), Buffer.alloc(0)]).items
  t.match(open, { kind: 'open', from: undefined, id: undefined, lang: undefined })
})

t.test('RFC 6120 §4.8.2: a stream may name the content namespace on each stanza', async t => {
  const outcome = readAll([
    Buffer.from("<stream xmlns='http://etherx.jabber.org/streams' version='1.0'>"),
    Buffer.from("<message xmlns='jabber:client'><body>a</body></message><message/></stream>"),
  ])
  t.strictSame(elementsOf(outcome).map(lineOf), [
    '{jabber:client}message <body>a</body>',
    // Nothing that a session knows: it answers unsupported-stanza-type.
    '{http://etherx.jabber.org/streams}message',
  ])
  t.equal(outcome.items.at(-1)?.kind, 'close')
})

t.test('a stream that is opened and closed by one tag', async t => {
  const outcome = readAll([Buffer.from(HEADER.replace('>', '/>'))])
  t.strictSame(
    outcome.items.map(({ kind }) => kind),
    ['open', 'close'],
  )
})

t.test('content namespaces of other streams', async t => {
  const server = Buffer.from(HEADER.replace('jabber:client', 'jabber:server'))
  const stanza = Buffer.from(
    "<message to='a'><body xmlns='jabber:server'>1</body><x xmlns='jabber:client'/></message>",
  )
  const read = (content: string | null) => readAll([server, stanza], LIMITS, content)
  t.strictSame(elementsOf(read('jabber:server')).map(lineOf), [
    '{jabber:client}message to="a" <body>1</body><x/>',
  ])
  t.strictSame(elementsOf(read(null)).map(lineOf), ['{jabber:client}message to="a" <body>1</body><x/>'])
  t.equal(read('jabber:client').error?.rule, 'header-content')
  const foreign = readAll([server, Buffer.from("<message xmlns='jabber:client'/>")], LIMITS, null)
  t.equal(foreign.error?.condition, 'invalid-namespace')
})

t.test('RFC 6120 §4.7.4: what a stanza does not say about its language, the stream has said', async t => {
  const german = Buffer.from(HEADER.replace('>', " xml:lang='de'>"))
  const outcome = readAll([german, Buffer.from("<a/><a xml:lang='en'/><a xml:lang=''/>")])
  t.strictSame(
    elementsOf(outcome).map(({ lang }) => lang),
    ['de', 'en', ''],
  )
  t.strictSame(
    elementsOf(readAll([header, Buffer.from('<a/>')])).map(({ lang }) => lang),
    [undefined],
  )
})

t.test('a top-level element: attributes, children, trees', async t => {
  const xml = `<iq type='set' id='1' x='&lt;'> a <query xmlns='jabber:iq:roster'>\r\n<item jid='a' __proto__='b'/></query>
    <b>&amp;<![CDATA[&amp;]]></b><query xmlns='jabber:iq:roster'/></iq>`
  const [iq] = elementsOf(readAll([header, Buffer.from(xml)]))
  if (iq === undefined) return t.fail('no iq')
  t.equal(iq.attribute('x'), '<')
  t.equal(iq.attribute('y'), undefined)
  t.strictSame(
    iq.children.map(({ name, ns }) => `{${ns}}${name}`),
    ['{jabber:iq:roster}query', '{jabber:client}b', '{jabber:iq:roster}query'],
  )
  t.ok(iq.has('b', 'jabber:client'))
  t.notOk(iq.has('b', 'jabber:iq:roster'))
  t.equal(iq.child('b', 'jabber:client')?.toString(), '<b xmlns="jabber:client">&amp;&amp;amp;</b>')
  t.equal(iq.child('c', 'jabber:client'), undefined)
  const query = iq.child('query', 'jabber:iq:roster')
  t.equal(query?.parent, null)
  t.equal(query?.getText(), '\n', 'line ends are normalised')
  t.strictSame(Object.entries(query?.getChild('item')?.attrs ?? {}), [
    ['jid', 'a'],
    ['__proto__', 'b'],
  ])
  const tree = iq.tree()
  t.ok(tree.is('iq', 'jabber:client'))
  t.equal(tree.attrs.id, '1')
  t.equal(tree.getChildren('query', 'jabber:iq:roster').length, 2)
  t.equal(elementsOf(readAll([header, Buffer.from("<a xmlns='u'>x<b>y</b>z&#33;</a>")]))[0]?.text(), 'xz!')
})

t.test('an item is there with its last byte, also one byte at a time', async t => {
  const items = [
    "<?xml version='1.0'?> ",
    HEADER,
    "<message to='a>b' id='1'><body>a&amp;]]b<![CDATA[ ]] ]>]]></body><x xmlns='u' y=\"'>\" /></message >",
    ' ',
    '<presence/>',
    '<iq><![CDATA[]]]]></iq>',
    '</stream:stream \n>',
  ]
  const ends = items.map((_, k) => Buffer.byteLength(items.slice(0, k + 1).join('')))
  t.strictSame(bytewise(new Reader({ ...LIMITS }), items.join('')), [
    { kind: 'open', bytes: ends[1] },
    { kind: 'element', bytes: ends[2] },
    { kind: 'element', bytes: ends[4] },
    { kind: 'element', bytes: ends[5] },
    { kind: 'close', bytes: ends[6] },
  ])
})

t.test('one byte at a time costs a bounded number of looks at each byte', async t => {
  // 1 MiB each: looking again at everything with each byte would take minutes, and the test would run out of time.
  const long = 'x'.repeat(1 << 20)
  const reader = opened(TRUSTED_LIMITS)
  t.equal(bytewise(reader, `<message id='${long}'/>`).length, 1, 'an attribute')
  t.equal(bytewise(reader, `<message><body>${long}</body></message>`).length, 1, 'text')
  t.equal(
    bytewise(reader, `<message><body><![CDATA[${long}]]></body></message>`).length,
    1,
    'a CDATA section',
  )
  t.equal(
    bytewise(reader, `<message${' '.repeat(1 << 20)}></message${' '.repeat(1 << 20)}>`).length,
    1,
    'tags',
  )
  t.equal(bytewise(reader, `</stream:stream${' '.repeat(1 << 20)}>`).length, 1, 'the end')
  const declared = new Reader({ ...TRUSTED_LIMITS })
  t.equal(
    bytewise(declared, `<?xml version='1.0'${' '.repeat(1 << 20)}?>${HEADER}`).length,
    1,
    'a declaration',
  )
})

t.test('white space between stanzas is not kept', async t => {
  const reader = opened()
  for (let k = 0; k < 1_000; k++) {
    reader.push(Buffer.from(' \n\r\t'))
    t.equal(reader.next(), undefined)
  }
  t.equal((Reflect.get(reader, 'bytes') as Buffer).length, 0, 'nor is the chunk')
  t.equal(reader.discard(), 0)
})

t.test('a chunk is shared, not copied, unless a stanza is in pieces', async t => {
  const reader = opened()
  const chunk = Buffer.from('<message><body>1</body></message><message><body>2')
  reader.push(chunk)
  const first = reader.next()
  t.ok(first?.kind === 'element' && first.content.buffer === chunk.buffer)
  t.equal(reader.next(), undefined)
  reader.push(Buffer.from('</body></message><message><body>3</body></message>'))
  const second = reader.next()
  const third = reader.next()
  const texts = [first, second, third].map(item =>
    item?.kind === 'element' ? item.content.toString() : undefined,
  )
  t.strictSame(texts, ['<body>1</body>', '<body>2</body>', '<body>3</body>'])
  reader.push(Buffer.from('<message><body>4</body></message>'))
  t.equal(
    second?.kind === 'element' && second.content.toString(),
    '<body>2</body>',
    'what was handed out stays',
  )
})

t.test('what nobody asks for is not parsed', async t => {
  const reader = opened()
  reader.push(Buffer.from('<presence/><presence/></nonsense'))
  t.equal(reader.next()?.kind, 'element')
  reader.push(Buffer.from('>'))
  t.equal(reader.next()?.kind, 'element')
  t.equal(
    ruleOf(() => reader.next()),
    'end-tag',
  )
})

t.test('nothing follows an error or a close', async t => {
  const failed = opened()
  failed.push(Buffer.from('x<presence/>'))
  t.equal(
    ruleOf(() => failed.next()),
    'text-between',
  )
  t.equal(failed.next(), undefined)
  failed.push(Buffer.from('<presence/>'))
  t.equal(failed.next(), undefined)
  const closed = opened()
  closed.push(Buffer.from('</stream:stream><presence/>'))
  t.equal(closed.next()?.kind, 'close')
  t.equal(closed.next(), undefined)
  closed.push(Buffer.from('<presence/>'))
  t.equal(closed.next(), undefined)
})

t.test('RFC 6120 §4.3.3: a restart brings a new header, and unread bytes stay', async t => {
  const reader = opened()
  const second = HEADER.replace('>', " xml:lang='fr' xmlns:x='u'>")
  reader.push(
    Buffer.from(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\n<?xml version='1.0'?>${second}<x:a/>`),
  )
  t.equal(reader.next()?.kind, 'element')
  reader.restart()
  t.match(reader.next(), { kind: 'open', lang: 'fr' })
  t.match(reader.next(), { kind: 'element', ns: 'u', lang: 'fr' })
  reader.restart()
  reader.push(Buffer.from(`${HEADER}<x:a/>`))
  t.match(reader.next(), { kind: 'open', lang: undefined })
  t.equal(
    ruleOf(() => reader.next()),
    'prefix-undeclared',
    'what the old header declared is forgotten',
  )
})

t.test('RFC 6120 §5.4.3.3: unread bytes are dropped before TLS', async t => {
  const reader = opened()
  reader.push(Buffer.from("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message><body>before TLS"))
  t.equal(reader.next()?.kind, 'element')
  t.equal(reader.next(), undefined)
  t.equal(reader.discard(), '<message><body>before TLS'.length)
  reader.restart()
  reader.push(header)
  t.equal(reader.next()?.kind, 'open')
  reader.push(Buffer.from('<presence/>'))
  t.match(reader.next(), { name: 'presence' })
})

t.test('limits', async t => {
  const repeat = (text: string, times: number) => Array.from({ length: times }, () => text).join('')
  const nested = (depth: number) => repeat('<a>', depth) + repeat('</a>', depth)
  const wide = (count: number) => `<a>${repeat('<b/>', count - 1)}</a>`
  const attributes = (count: number) =>
    `<a ${Array.from({ length: count }, (_, k) => `a${k}='' `).join('')}/>`
  const name = (length: number) => `<${'a'.repeat(length)}/>`
  const sized = (bytes: number) => `<a>${'x'.repeat(bytes - 7)}</a>`
  for (const [rule, make, limit] of [
    ['depth', nested, LIMITS.depth],
    ['children', wide, LIMITS.children],
    ['attributes', attributes, LIMITS.attributes],
    ['name-bytes', name, LIMITS.nameBytes],
    ['stanza-bytes', sized, LIMITS.stanzaBytes],
  ] as const) {
    const over = readAll([header, Buffer.from(make(limit + 1))])
    t.match(over.error, { condition: 'policy-violation', rule }, rule)
    t.equal(elementsOf(readAll([header, Buffer.from(make(limit))])).length, 1, rule)
  }
})

t.test('the limit on bytes', async t => {
  const limits = { ...LIMITS, stanzaBytes: 200 }
  const rule = (...pieces: string[]) =>
    readAll([header, ...pieces.map(piece => Buffer.from(piece))], limits).error?.rule
  t.equal(rule(`<a b='${'x'.repeat(300)}'/>`), 'stanza-bytes', 'a tag')
  t.equal(rule(`<a b='${'x'.repeat(300)}`), 'stanza-bytes', 'a tag without end')
  t.equal(rule('<a>', 'x'.repeat(100), 'x'.repeat(100)), 'stanza-bytes', 'text that goes on')
  t.equal(rule(`<a b=${'x'.repeat(300)}`), 'attribute-value', 'another mistake within the limit comes first')
  t.equal(rule(...[...`<a b"='${'x'.repeat(300)}`]), 'attribute-value', 'also byte by byte')
  t.equal(rule('<a>', `${'x'.repeat(300)}<!--`), 'stanza-bytes', 'what lies beyond is not looked at')
  t.equal(rule(`</stream:stream${' '.repeat(300)}>`), 'stanza-bytes', 'the end of the stream')
  t.equal(
    rule(' '.repeat(1_000), '<a/>', ' '.repeat(1_000), '<a/>'),
    undefined,
    'white space between stanzas is free',
  )
  const long = readAll([Buffer.from(HEADER.replace('>', `${' '.repeat(300)}>`))], limits)
  t.equal(long.error?.rule, 'stanza-bytes', 'a header')
  const declaration = readAll([Buffer.from(`<?xml version='1.0'${' '.repeat(300)}?>`)], limits)
  t.equal(declaration.error?.rule, 'stanza-bytes', 'a declaration')
})

t.test('limits may be raised after sign-in', async t => {
  const reader = opened({ ...LIMITS, stanzaBytes: 150 })
  reader.limits = { ...LIMITS, stanzaBytes: 1_000, depth: 1 }
  reader.push(Buffer.from(`<a b='${'x'.repeat(500)}'/><a><b/></a>`))
  t.equal(reader.next()?.kind, 'element')
  t.equal(
    ruleOf(() => reader.next()),
    'depth',
  )
})

t.test('rewriting is bounded: a long namespace can be declared once and used often', async t => {
  const stanza = `<a xmlns:x='${'u'.repeat(10_000)}'>${'<x:b/>'.repeat(100)}</a>`
  t.equal(readAll([header, Buffer.from(stanza)]).error?.rule, 'stanza-bytes')
})

t.test('an element that stands alone', async t => {
  const read = (text: string) => readElement(Buffer.from(text), LIMITS)
  t.match(read("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a'/>"), {
    name: 'open',
    ns: 'urn:ietf:params:xml:ns:xmpp-framing',
  })
  t.equal(lineOf(read("<x:a xmlns:x='u'><x:b/></x:a>")), '{u}a <x:b xmlns:x="u"/>')
  for (const text of [
    '',
    ' <a/>',
    '<a/> ',
    '<a/><a/>',
    '<a>',
    '</a>',
    '<a',
    'x',
    '<?xml version="1.0"?><a/>',
    '<a>\xff',
  ])
    t.throws(() => read(text), { name: 'StreamError' }, JSON.stringify(text))
  t.equal(
    ruleOf(() => readElement(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]), LIMITS)),
    'utf8',
  )
  t.equal(
    ruleOf(() => readElement(Buffer.from('<abc/>'), { ...LIMITS, stanzaBytes: 5 })),
    'stanza-bytes',
  )
})
