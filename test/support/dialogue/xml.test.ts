import t from 'tap'
import { parseXml, printXml, STREAM_SCOPE, type XmlElement, XmlParser } from './xml.ts'

function element(text: string): XmlElement {
  const [event] = parseXml(text)
  if (event?.kind !== 'element') throw new Error('no element')
  return event.element
}

t.test('names are resolved, whatever the prefixes', async t => {
  t.same(
    element('<message><x:a xmlns:x="urn:a" x:b="1" c="2"/></message>'),
    element(
      '<y:message xmlns:y="jabber:client"><a xmlns="urn:a" c="2" z:b="1" xmlns:z="urn:a"/></y:message>',
    ),
  )
  const { namespace, attributes } = element('<stream:error xml:lang="en"/>')
  t.equal(namespace, 'http://etherx.jabber.org/streams')
  t.same([...attributes], [['xml:lang', 'en']])
})

t.test('a stream in pieces of one byte, with characters of several bytes', async t => {
  const parser = new XmlParser()
  const text =
    '<?xml version="1.0"?><stream:stream xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client" id="1">' +
    '<message to="a>b"><body>\u{1F600} &lt;&#x41;</body></message>\n</stream:stream>'
  const events = [...Buffer.from(text)].flatMap(byte => parser.write(Buffer.of(byte)))
  t.same(
    events.map(event => event.kind),
    ['open', 'element', 'close'],
  )
  t.equal(
    events[1]?.kind === 'element' && printXml(events[1].element),
    '<message to="a>b">\n  <body>\u{1F600} <A</body>\n</message>',
  )
})

t.test('a restarted stream', async t => {
  const parser = new XmlParser()
  const open = '<stream:stream xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client">'
  const kinds = parser.write(`${open}<a/><?xml version='1.0'?>${open}<b/>`).map(event => event.kind)
  t.same(kinds, ['open', 'element', 'open', 'element'])
})

for (const [why, text] of [
  ['twice', '<a b="1" b="2"/>'],
  ['twice', '<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>'],
  ['not declared', '<x:a/>'],
  ['not declared', '<a x:b="1"/>'],
  ['not allowed', '<a><!-- no --></a>'],
  ['not allowed', '<!DOCTYPE a>'],
  ['not allowed', '<a><?b c?></a>'],
  ['stream header', '<?xml version="1.0"?><a/>'],
  ['closed by', '<a></b>'],
  ['closes nothing', '</b>'],
  ['entity', '<a>&nbsp;</a>'],
  ['bare', '<a>1 & 2</a>'],
  ['"]]>"', '<a>]]></a>'],
  ['no name', '<1/>'],
  ['cannot be read', '<a b=c/>'],
  ['cannot be read', '<a b="1"c="2"/>'],
  ['outside', 'text'],
  ['not complete', '<a><b/>'],
] as const)
  t.test(`refused: ${text}`, async t => {
    t.throws(() => parseXml(text, STREAM_SCOPE), { message: new RegExp(why) })
  })

t.test('CDATA is text', async t => {
  t.same(element('<a>1<![CDATA[<&]]]>&amp;</a>').children, ['1<&]&'])
})

t.test('invalid UTF-8 is refused', async t => {
  t.throws(() => new XmlParser(STREAM_SCOPE).write(Buffer.from([0x3c, 0x61, 0xff])))
})
