import t from 'tap'
import type { Child } from '../../src/xml/reader.ts'
import { conditionOf, type Rule } from '../../src/xml/refusal.ts'
import { elementsOf, fixtures, HEADER, lineOf, type Outcome, readAll } from '../support/xml.ts'

const header = Buffer.from(HEADER)
/** A mistake within quotes may look like a tag that has not ended, until the next '<' comes. */
const LATER = Buffer.from('<a>\'"&</a>]]>')

/** One byte per packet, as some clients and all slow links send. */
function bytewise(bytes: Buffer): Buffer[] {
  return [...bytes].map(byte => Buffer.from([byte]))
}

function errorOf(outcome: Outcome): string {
  return outcome.error === undefined ? 'accepted' : `${outcome.error.condition} ${outcome.error.rule}`
}

t.test('accepted', async t => {
  for (const { file, line, xml, expected } of fixtures('accepted', 0)) {
    const name = `${file}:${line}`
    const whole = readAll([header, xml])
    t.equal(whole.error, undefined, name)
    t.strictSame(elementsOf(whole).map(lineOf), expected, name)
    const split = readAll([header, ...bytewise(xml)])
    t.strictSame(elementsOf(split).map(lineOf), expected, `${name}, byte by byte`)
    for (const top of elementsOf(whole).filter(top => top.ns === 'jabber:client'))
      t.ok(
        top.children.every(child => isOneElement(top.content, child)),
        name,
      )
  }
})

for (const { file, start } of [
  { file: 'refused', start: [header] },
  { file: 'refused-headers', start: [] },
]) {
  t.test(file, async t => {
    for (const { line, columns, xml } of fixtures(file, 2)) {
      const name = `${file}.txt:${line}`
      const [condition, rule] = columns
      t.equal(conditionOf(rule as Rule), condition, name)
      t.equal(errorOf(readAll([...start, xml])), `${condition} ${rule}`, name)
      t.equal(
        errorOf(readAll([...start, ...bytewise(xml), LATER])),
        `${condition} ${rule}`,
        `${name}, byte by byte`,
      )
      // What follows a mistake changes nothing.
      t.equal(errorOf(readAll([...start, xml, LATER])), `${condition} ${rule}`, name)
    }
  })
}

t.test('what is accepted is accepted again as it comes out', async t => {
  for (const { file, line, xml } of fixtures('accepted', 0)) {
    for (const top of elementsOf(readAll([header, xml]))) {
      if (top.ns !== 'jabber:client') continue
      const again = readAll([
        header,
        Buffer.concat([Buffer.from('<message>'), top.content, Buffer.from('</message>')]),
      ])
      t.ok(again.error === undefined, `${file}:${line}`)
      const [copy] = elementsOf(again)
      t.ok(copy?.content.equals(top.content), `${file}:${line}: nothing is rewritten twice`)
      t.strictSame(copy?.children, top.children)
    }
  }
})

function isOneElement(content: Buffer, { start, end }: Child): boolean {
  const child = Buffer.concat([
    Buffer.from('<message>'),
    content.subarray(start, end),
    Buffer.from('</message>'),
  ])
  const [message] = elementsOf(readAll([header, child]))
  return message?.children.length === 1 && message.children[0]?.end === end - start
}
