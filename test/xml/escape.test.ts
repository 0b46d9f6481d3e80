import t from 'tap'
import { xml } from '../../src/xml/element.ts'
import { escapeText, escapeValue } from '../../src/xml/escape.ts'
import { continuesName, startsName } from '../../src/xml/name-characters.ts'
import { NS } from '../../src/xml/ns.ts'
import { printElement } from '../../src/xml/print.ts'

t.test('attribute values, for quotes of either kind', async t => {
  t.equal(escapeValue('plain ü 😀 a>b'), 'plain ü 😀 a>b')
  t.equal(escapeValue(`<&"'\t\n\r`), '&lt;&amp;&quot;&apos;&#9;&#10;&#13;')
})

t.test('text', async t => {
  t.equal(escapeText('plain "\' \t\n 😀'), 'plain "\' \t\n 😀')
  t.equal(escapeText('a<b & c]]>\r'), 'a&lt;b &amp; c]]&gt;&#13;')
})

t.test('what XML can not hold is replaced', async t => {
  for (const bad of ['\u0000', '\u0008', '\u000b', '\u001f', '\ufffe', '\uffff', '\ud800', '\udfff']) {
    t.equal(escapeText(`a${bad}b`), 'a\ufffdb')
    t.equal(escapeValue(`a${bad}b`), 'a\ufffdb')
  }
  t.equal(escapeText('\u007f\u0085\ufdd0\u{1fffe}'), '\u007f\u0085\ufdd0\u{1fffe}', 'what it can hold is not')
})

t.test('XML 1.0 Appendix B: characters of names', async t => {
  for (const letter of 'ÀÖØöøÿĀıΆЁאءअกあア中가') t.ok(startsName(letter.codePointAt(0)!), letter)
  for (const other of '·×÷\u0300٠々ー‐–€') t.notOk(startsName(other.codePointAt(0)!), other)
  for (const further of '·\u0300٠\u0345ः々ー') t.ok(continuesName(further.codePointAt(0)!), further)
  for (const never of '×÷‐–€\u{10000}') t.notOk(continuesName(never.codePointAt(0)!), never)
})

t.test('a printed tree names a namespace only where it changes', async t => {
  const tree = xml(
    'a',
    { xmlns: 'u', x: '1' },
    xml('b', { xmlns: 'u' }, xml('c', { xmlns: '' }, xml('d'), xml('e', { xmlns: 'u' }))),
    'text',
    xml('p:f', { 'xmlns:p': 'v', xmlns: 'u' }),
  )
  t.equal(
    printElement(tree, NS.client),
    '<a xmlns="u" x="1"><b><c xmlns=""><d/><e xmlns="u"/></c></b>text<p:f xmlns:p="v"/></a>',
  )
  t.ok(printElement(tree, 'u').startsWith('<a x="1">'))
})
