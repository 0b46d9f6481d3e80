import t from 'tap'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { elementsOf, HEADER, readAll } from '../support/xml.ts'

const alice = JID.parse('alice@localhost/1')
const bob = JID.parse('bob@localhost')

/** A stanza as it comes from alice's stream. */
function received(text: string, to: JID | null = bob, header = HEADER): Stanza {
  const [top] = elementsOf(readAll([Buffer.from(header), Buffer.from(text)]))
  return Stanza.fromElement(top!, alice, to ?? undefined)
}

const CHAT = `<message to='bob@LOCALHOST' from='nobody' type='chat' id='1'><body>hi &amp; <![CDATA[<>]]></body> <x xmlns='u'><y/></x></message>`

t.test('of a received element', async t => {
  const chat = received(CHAT)
  t.match(chat, { kind: 'message', type: 'chat', id: '1', lang: undefined, ids: undefined })
  t.equal(chat.from, alice)
  t.equal(chat.to, bob)
  t.equal(chat.attributes.size, 0)
  t.equal(
    chat.encode().toString(),
    `<message to="bob@localhost" from="alice@localhost/1" type="chat" id="1"><body>hi &amp; <![CDATA[<>]]></body> <x xmlns='u'><y/></x></message>`,
  )
  t.equal(chat.size, `<body>hi &amp; <![CDATA[<>]]></body> <x xmlns='u'><y/></x>`.length)
  t.throws(() => received("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), /is not a stanza/)
})

t.test('absent is not empty', async t => {
  const bare = received('<presence/>', null)
  t.match(bare, { type: undefined, id: undefined, to: undefined, lang: undefined })
  t.equal(bare.encode().toString(), '<presence from="alice@localhost/1"/>')
  const empty = received("<presence type='' id='' xml:lang=''/>", null)
  t.match(empty, { type: '', id: '', lang: '' })
  t.equal(empty.encode().toString(), '<presence from="alice@localhost/1" type="" id="" xml:lang=""/>')
})

t.test('other attributes travel verbatim, with the prefixes that they need', async t => {
  const stanza = received(`<iq xmlns:p='u' p:a="&quot;'&#10;" b='&lt;>&amp;'/>`, null)
  t.strictSame(
    [...stanza.attributes],
    [
      ['xmlns:p', 'u'],
      ['p:a', `"'\n`],
      ['b', '<>&'],
    ],
  )
  t.equal(
    stanza.encode().toString(),
    `<iq from="alice@localhost/1" xmlns:p="u" p:a="&quot;&apos;&#10;" b="&lt;>&amp;"/>`,
  )
})

t.test('RFC 6120 §8.1.5: a stanza without xml:lang takes that of its stream along', async t => {
  const header = HEADER.replace('>', " xml:lang='de'>")
  t.equal(
    received('<message/>', null, header).encode().toString(),
    '<message from="alice@localhost/1" xml:lang="de"/>',
  )
  t.equal(received("<message xml:lang='en'/>", undefined, header).lang, 'en')
})

t.test('made by the server', async t => {
  const stanza = Stanza.build(
    'message',
    { from: bob, to: alice, type: undefined, id: 'a&b', lang: 'en' },
    xml('body', {}, 'a < b & c > d \r\n é 😀'),
    xml('x', { xmlns: 'u', at: 'a\tb\r\n"\'' }, xml('y', { xmlns: 'u' }), xml('z', { xmlns: 'v' })),
    xml('body', { xmlns: NS.client, 'xml:lang': 'de' }),
  )
  const printed =
    '<body>a &lt; b &amp; c &gt; d &#13;\n é 😀</body>' +
    `<x xmlns="u" at="a&#9;b&#13;&#10;&quot;&apos;"><y/><z xmlns="v"/></x><body xml:lang="de"/>`
  t.equal(
    stanza.encode().toString(),
    `<message to="alice@localhost/1" from="bob@localhost" id="a&amp;b" xml:lang="en">${printed}</message>`,
  )
  t.equal(stanza.child('x', 'u')?.attrs.at, 'a\tb\r\n"\'')
  t.ok(stanza.has('body', NS.client))
  t.equal(stanza.children().length, 3)
  t.equal(stanza.child('body', NS.client)?.getText(), 'a < b & c > d \r\n é 😀')
})

t.test('what XML can not hold does not reach a stream', async t => {
  const bad = 'a\u0000b\u001fc\ud800d\uffffe\udc00\ud83d\ude00'
  const clean = 'a\ufffdb\ufffdc\ufffdd\ufffde\ufffd\ud83d\ude00'
  const stanza = Stanza.build('message', { from: bob, id: bad }, xml('body', { a: bad }, bad))
  const again = Stanza.unpack(stanza.pack())
  t.equal(again.id, clean)
  t.equal(again.child('body', NS.client)?.getText(), clean)
  t.equal(again.child('body', NS.client)?.attrs.a, clean)
  const framed = Stanza.fromFrame(stanza.with({ type: '\u0001', lang: '\u0000' }).toFrame())
  t.ok(framed.encode().equals(stanza.with({ type: '\ufffd', lang: '\ufffd' }).encode()))
})

t.test('pack and unpack', async t => {
  for (const stanza of [
    received(CHAT),
    received('<presence/>', null),
    received("<iq type='get' id='&#10;' xml:lang='' x='y'><q xmlns=''/></iq>"),
    Stanza.build('message', { from: JID.parse('a@b/ü&<"') }, xml('body', {}, 'ü')),
  ]) {
    const again = Stanza.unpack(stanza.pack())
    t.ok(again.pack().equals(stanza.pack()))
    t.ok(again.encode().equals(stanza.encode()))
    t.ok(again.from.equals(stanza.from))
    t.equal(again.to?.toString(), stanza.to?.toString())
    t.equal(again.element().toString(), stanza.element().toString())
    const framed = Stanza.fromFrame(stanza.toFrame())
    t.ok(framed.encode().equals(stanza.encode()), 'for another node')
    t.ok(framed.pack().equals(stanza.pack()))
    t.equal(framed.element().toString(), stanza.element().toString())
  }
  t.equal(
    received('<presence/>').pack().toString(),
    '<presence xmlns="jabber:client" to="bob@localhost" from="alice@localhost/1"/>',
  )
  for (const damaged of [
    '',
    '<message/>',
    '<message xmlns="jabber:client" from="a@b">',
    '<message from="@"/>',
    '<x from="a"/>',
  ])
    t.throws(() => Stanza.unpack(Buffer.from(damaged)), damaged)
})

t.test('one encoding for many recipients', async t => {
  const chat = received(CHAT)
  t.equal(chat.encode(), chat.encode(), 'made once')
  t.equal(chat.encode(bob), chat.encode())
  const carol = JID.parse('carol@localhost/x&y')
  t.equal(
    chat.encode(carol).toString(),
    chat.encode().toString().replace('bob@localhost', 'carol@localhost/x&amp;y'),
  )
  t.equal(chat.encode().toString().includes('bob'), true, 'and nothing else has changed')
})

t.test('in wrappers and on server links the namespace is declared, and the language goes along', async t => {
  const stanza = received(
    "<message><body>a</body><x xmlns='u'/></message>",
    bob,
    HEADER.replace('>', " xml:lang='de'>"),
  )
  t.equal(
    stanza.encodeIn(NS.server).toString(),
    `<message xmlns="jabber:server" to="bob@localhost" from="alice@localhost/1" xml:lang="de"><body>a</body><x xmlns='u'/></message>`,
  )
})

t.test('a carbon: a stanza spliced into another', async t => {
  const chat = received(CHAT)
  const forwarded = Buffer.concat([
    Buffer.from("<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"),
    chat.encodeIn(NS.client),
    Buffer.from('</forwarded></received>'),
  ])
  const carbon = Stanza.build('message', { from: bob, to: alice }).plus(forwarded)
  t.ok(carbon.has('received', NS.carbons))
  const inner = carbon
    .child('received', NS.carbons)
    ?.getChild('forwarded', NS.forward)
    ?.getChild('message', NS.client)
  t.equal(inner?.toString(), chat.element().toString())
})

t.test('children', async t => {
  const stanza = received(
    `<message>a<x xmlns='u'>1</x>b<y xmlns='u'/><x xmlns='v'/><x xmlns='u'>2</x>c</message>`,
  )
  t.ok(stanza.has('x', 'u') && stanza.has('x', 'v') && !stanza.has('x', 'w') && !stanza.has('y', 'v'))
  t.equal(stanza.child('x', 'u')?.toString(), '<x xmlns="u">1</x>', 'the first')
  t.equal(stanza.child('x', 'u'), stanza.child('x', 'u'), 'built once')
  t.equal(stanza.with({ id: '1' }).child('x', 'u'), stanza.child('x', 'u'), 'also for copies')
  t.equal(stanza.child('z', 'u'), undefined)
  t.strictSame(stanza.children().map(String), [
    '<x xmlns="u">1</x>',
    '<y xmlns="u"/>',
    '<x xmlns="v"/>',
    '<x xmlns="u">2</x>',
  ])
})

t.test('without', async t => {
  const stanza = received(
    `<message>a<x xmlns='u'>1</x>b<y xmlns='u'/><x xmlns='v'/><x xmlns='u'>2</x>c</message>`,
  )
  const less = stanza.without((name, ns) => name === 'x' && ns === 'u')
  t.equal(
    less.element().toString(),
    stanza
      .element()
      .toString()
      .replaceAll(/<x xmlns="u">\d<\/x>/g, ''),
  )
  t.strictSame(less.children().map(String), ['<y xmlns="u"/>', '<x xmlns="v"/>'])
  t.equal(stanza.children().length, 4, 'the original is as it was')
  t.equal(
    stanza.without(() => false),
    stanza,
    'nothing to do',
  )
  t.equal(
    stanza
      .without(() => true)
      .encode()
      .toString(),
    '<message to="bob@localhost" from="alice@localhost/1">abc</message>',
  )
})

t.test('plus', async t => {
  const stanza = received('<message><body>a</body></message>')
  const delay = xml('delay', { xmlns: NS.delay })
  const more = stanza.plus(delay).plus(Buffer.from("<p:id xmlns:p='urn:xmpp:sid:0'/>"))
  t.equal(
    more.encode().toString(),
    `<message to="bob@localhost" from="alice@localhost/1"><body>a</body><delay xmlns="urn:xmpp:delay"/><p:id xmlns:p='urn:xmpp:sid:0'/></message>`,
  )
  t.ok(more.has('delay', NS.delay) && more.has('id', NS.stanzaIds) && more.has('body', NS.client))
  t.notOk(stanza.has('delay', NS.delay), 'the original is as it was')
  const query = xml('query', { xmlns: NS.roster }, xml('item', { jid: 'a' }))
  t.equal(
    stanza.plus(query.getChild('item')!).children()[1]?.toString(),
    '<item xmlns="jabber:iq:roster" jid="a"/>',
    'an element out of another tree keeps its namespace',
  )
})

t.test('edit', async t => {
  const stanza = received(`<message type='chat' id='1' a='b' xml:lang='de'>x<body>a</body></message>`)
  const edited = stanza.edit(copy => {
    delete copy.attrs.id
    copy.attrs.type = 'normal'
    copy.attrs.c = '<'
    copy.getChild('body')?.t('\r&')
    copy.c('x', { xmlns: 'u' }).c('y')
  })
  t.equal(
    edited.encode().toString(),
    '<message to="bob@localhost" from="alice@localhost/1" type="normal" xml:lang="de" a="b" c="&lt;">x<body>a&#13;&amp;</body><x xmlns="u"><y/></x></message>',
  )
  t.ok(edited.has('x', 'u'))
  t.equal(stanza.child('body', NS.client)?.getText(), 'a', 'the original is as it was')
})

t.test('copies with other attributes share the content', async t => {
  const stanza = received(CHAT)
  const ids = [{ by: 'bob@localhost', id: '5' }]
  const copy = stanza.with({ to: undefined, from: bob, type: 'headline', id: '2', lang: 'fr', ids })
  t.match(copy, { to: undefined, from: bob, type: 'headline', id: '2', lang: 'fr', ids })
  t.equal(copy.with({}).ids, ids)
  t.ok(copy.has('x', 'u'))
  t.match(stanza, { to: bob, from: alice, type: 'chat', id: '1' })
  t.not(copy.encode(), stanza.encode())
  t.equal(copy.with({ type: undefined }).encode().toString().includes('type'), false)
})

t.test('RFC 6120 §8.2.3: a reply has the id of the request, and goes back to who sent it', async t => {
  const request = received("<iq type='get' id='7' xml:lang='de' x='y'><ping xmlns='urn:xmpp:ping'/></iq>")
  t.equal(
    request
      .reply('result', xml('a', { xmlns: 'u' }))
      .encode()
      .toString(),
    '<iq to="alice@localhost/1" from="bob@localhost" type="result" id="7" xml:lang="de"><a xmlns="u"/></iq>',
  )
  const toAccount = received("<iq type='get' id='7'/>", null)
  t.equal(
    toAccount.reply('result').encode().toString(),
    '<iq to="alice@localhost/1" from="alice@localhost" type="result" id="7"/>',
    'RFC 6120 §10.3.3: the account answers what has no address',
  )
})

t.test('compact', async t => {
  const stanza = received(CHAT)
  const own = stanza.compact()
  t.ok(own.encode().equals(stanza.encode()))
  const content = (of: Stanza) => (Reflect.get(of, 'content') as { bytes: Buffer }).bytes
  t.not(content(own).buffer, content(stanza).buffer)
  t.equal(content(own).buffer.byteLength, content(own).length, 'nothing else is kept')
  t.ok(own.has('x', 'u'))
})

t.test('the tree', async t => {
  const tree = received(`<message id='1' a='&#9;'><body>hi</body></message>`).element()
  t.ok(tree.is('message', NS.client))
  t.strictSame(Object.entries(tree.attrs), [
    ['xmlns', 'jabber:client'],
    ['to', 'bob@localhost'],
    ['from', 'alice@localhost/1'],
    ['id', '1'],
    ['a', '\t'],
  ])
  t.equal(tree.getChildText('body', NS.client), 'hi')
})

t.test('XEP-0359 §2.1: the ids of our archives are printed after the content', async t => {
  const ids = [
    { by: "o'bob@localhost", id: '5' },
    { by: 'room@muc.localhost', id: '6' },
  ]
  const printed =
    '<stanza-id xmlns="urn:xmpp:sid:0" by="o&apos;bob@localhost" id="5"/><stanza-id xmlns="urn:xmpp:sid:0" by="room@muc.localhost" id="6"/>'
  const stanza = received('<message><body>é</body></message>').with({ ids })
  const start = '<message to="bob@localhost" from="alice@localhost/1">'
  t.equal(stanza.encode().toString(), `${start}<body>é</body>${printed}</message>`)
  t.equal(stanza.readdress(bob).encode().toString(), stanza.encode().toString())
  t.notOk(stanza.has('stanza-id', NS.stanzaIds), 'they are no content')
  const empty = Stanza.build('message', { from: alice }).with({ ids: ids.slice(1) })
  t.match(empty.encode().toString(), /^<message from="alice@localhost\/1"><stanza-id [^>]*\/><\/message>$/)
  const unpacked = Stanza.unpack(stanza.pack())
  t.equal(unpacked.ids, undefined)
  t.equal(unpacked.child('stanza-id', NS.stanzaIds)?.attrs.id, '5', 'where it is unpacked, they are')
  const numbered = stanza.with({ ids: [ids[0]!, { ...ids[1]!, numbers: { sequence: 3, unread: 1 } }] })
  const framed = Stanza.fromFrame(numbered.toFrame())
  t.ok(framed.encode().equals(numbered.encode()))
  t.strictSame(
    framed.children().map(child => child.attrs.by ?? child.name),
    ['body', "o'bob@localhost", 'room@muc.localhost', 'room@muc.localhost'],
  )
  t.equal(framed.child('sequence', NS.sequence)?.attrs.number, '3')
  t.equal(stanza.pack(), stanza.pack(), 'packed once')
})
