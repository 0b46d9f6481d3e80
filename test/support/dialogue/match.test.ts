import t from 'tap'
import { difference, eventDifference } from './match.ts'
import { fill, type Values } from './placeholders.ts'
import { parseXml, type XmlElement } from './xml.ts'

function element(text: string): XmlElement {
  const [event] = parseXml(text)
  if (event?.kind !== 'element') throw new Error('no element')
  return event.element
}

function compare(expected: string, actual: string, values: Values = new Map()): string | undefined {
  return difference(element(expected), element(actual), values)
}

t.test('what is the same matches', async t => {
  t.equal(
    compare('<message a="1" b="2"><body>x</body></message>', "<message b='2' a='1'><body>x</body></message>"),
    undefined,
  )
  t.equal(compare('<a xmlns="u"/>', '<b:a xmlns:b="u"/>'), undefined)
})

for (const [expected, actual, why] of [
  ['<a/>', '<b/>', /element is <b>/],
  ['<a xmlns="u"/>', '<a xmlns="v"/>', /namespace is "v"/],
  ['<a b="1"/>', '<a/>', /b is missing/],
  ['<a/>', '<a b="1"/>', /b is not expected/],
  ['<a b="1"/>', '<a b="2"/>', /b is "2", expected "1"/],
  ['<a><b/></a>', '<a/>', /<b\/> is missing/],
  ['<a/>', '<a><b/></a>', /<b\/> is not expected/],
  ['<a><b/><c/></a>', '<a><c/><b/></a>', /element is <c>/],
  ['<a>x</a>', '<a>y</a>', /text is "y", expected "x"/],
  ['<a>x</a>', '<a> x</a>', /text is " x"/],
  ['<a><b/></a>', '<a><b/>x</a>', /the text "x" is not expected/],
  ['<a><b/></a>', '<a>x<b/></a>', /the text "x" where <b\/> is expected/],
  ['<a><b><c d="{x}"/></b></a>', '<a><b><c/></b></a>', /a > b > c: attribute d is missing/],
] as const)
  t.test(`${expected} and ${actual}`, async t => {
    t.match(compare(expected, actual), why)
  })

t.test('placeholders', async t => {
  const values: Values = new Map()
  t.equal(compare('<a b="{any}">{any}</a>', '<a b="1">text</a>', values), undefined)
  t.equal(compare('<a b="x{any}"/>', '<a b="1"/>', values)?.includes('expected "x{any}"'), true)
  t.equal(compare('<a>{any}</a>', '<a/>', values), undefined)
  t.equal(values.size, 0)
  t.equal(compare('<a b="me@{host}/{resource}" c="{host}"/>', '<a b="me@h/r/s" c="h"/>', values), undefined)
  t.same(
    [...values],
    [
      ['host', 'h'],
      ['resource', 'r/s'],
    ],
  )
  t.match(compare('<a b="{host}"/>', '<a b="other"/>', values), /expected "h"/)
  t.equal(compare('<a b="{{x}"/>', '<a b="{x}"/>', values), undefined)
})

t.test('anything but', async t => {
  const values: Values = new Map([['x', '7']])
  t.equal(compare('<a b="{!x}"/>', '<a b="77"/>', values), undefined)
  t.match(compare('<a b="{!x}"/>', '<a b="7"/>', values), /b is "7", expected "\{!x\}"/)
})

t.test('the rest of an element', async t => {
  t.equal(compare('<a>{...}</a>', '<a/>'), undefined)
  t.equal(compare('<a><b/>{...}</a>', '<a><b/><c/>x</a>'), undefined)
  t.ok(compare('<a><b/>{...}</a>', '<a><c/></a>'))
})

t.test('the wording of an error counts only where it is written down', async t => {
  const error = '<message><error><gone xmlns="urn:e"/><text xmlns="urn:e">left</text></error></message>'
  t.equal(compare('<message><error><gone xmlns="urn:e"/></error></message>', error), undefined)
  t.ok(
    compare('<message><error><gone xmlns="urn:e"/><text xmlns="urn:e">here</text></error></message>', error),
  )
  t.ok(compare('<x xmlns="u"/>', '<x xmlns="u"><text>left</text></x>'))
})

t.test('nothing is captured from what does not match', async t => {
  const values: Values = new Map()
  t.ok(compare('<a b="{x}" c="1"/>', '<a b="2" c="3"/>', values))
  t.equal(values.size, 0)
})

t.test('filling', async t => {
  const values: Values = new Map([['alice', 'alice@localhost/x']])
  t.equal(fill('<a to="{alice}">{{ok}</a>', values), '<a to="alice@localhost/x">{ok}</a>')
  t.equal(fill('{base64 \\0me\\0p\\\\w}', values), Buffer.from('\0me\0p\\w').toString('base64'))
  t.equal(
    fill('{base64 n,,n={alice},r=\\xff\u00e9}', values),
    Buffer.from('n,,n=alice@localhost/x,r=\xff\xc3\xa9', 'latin1').toString('base64'),
  )
  t.equal(fill('{repeat 5 ab}', values), 'ababababab')
  t.throws(() => fill('{bob}', values), { message: /nothing has given \{bob\} a value/ })
})

t.test('headers and ends of streams', async t => {
  const [open, close] = parseXml('<stream:stream id="{id}"></stream:stream>')
  const [other] = parseXml('<stream:stream id="7">')
  const values: Values = new Map()
  if (open === undefined || close === undefined || other === undefined) throw new Error('no events')
  t.equal(eventDifference(open, other, values), undefined)
  t.equal(values.get('id'), '7')
  t.equal(eventDifference(close, close, values), undefined)
  t.ok(eventDifference(open, close, values))
  t.ok(eventDifference({ kind: 'element', element: element('<a/>') }, open, values))
})
