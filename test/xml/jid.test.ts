import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { JID, JIDError } from '../../src/xml/jid.ts'

interface Line {
  written: string
  address: string
  result: string
}

/** Lines of a fixture, as written and with `\u{...}` resolved (`\u{}` is nothing at all). */
function fixture(name: string): Line[] {
  const path = new URL(`../fixtures/jid/${name}`, import.meta.url)
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [written, result] = line.split('\t')
      const address = resolve(written!)
      return { written: written!, address, result: result === '=' ? address : resolve(result!) }
    })
}

function resolve(text: string): string {
  return text.replace(/\\u\{([0-9a-f]*)\}/g, (_, hex: string) =>
    hex === '' ? '' : String.fromCodePoint(Number.parseInt(hex, 16)),
  )
}

/** The message of the JIDError that `action` throws; anything else fails the test. */
function refusal(action: () => JID): string {
  try {
    return `accepted as ${action()}`
  } catch (error) {
    if (error instanceof JIDError) return error.message
    throw error
  }
}

t.test('the addresses of valid.txt have the prepared form given there', async t => {
  const lines = fixture('valid.txt')
  t.ok(lines.length > 100)
  for (const { written, address, result } of lines) t.equal(JID.parse(address).toString(), result, written)
})

t.test('the addresses of invalid.txt are refused for the reason given there', async t => {
  const lines = fixture('invalid.txt')
  t.ok(lines.length > 100)
  for (const { written, address, result } of lines)
    t.equal(
      refusal(() => JID.parse(address)),
      result,
      written,
    )
})

t.test('parts, bare address and text', async t => {
  const full = JID.parse('Juliet@Example.COM/Balcony')
  t.match(full, { local: 'juliet', domain: 'example.com', resource: 'Balcony', isBare: false })
  t.match(full.bare, { local: 'juliet', domain: 'example.com', resource: '', isBare: true })
  t.equal(full.bare.bare, full.bare, 'a bare address is its own bare address')
  t.equal(full.bare.toString(), 'juliet@example.com')
  const server = JID.parse('example.com/x')
  t.match(server, { local: '', domain: 'example.com', resource: 'x' })
  t.equal(server.bare.toString(), 'example.com')
  t.equal(JSON.stringify({ full }), '{"full":"juliet@example.com/Balcony"}')
})

t.test('equality is that of the prepared text', async t => {
  const one = JID.parse('juliet@example.com/a')
  t.ok(one.equals(JID.parse('JULIET@EXAMPLE.com/a')))
  t.notOk(one.equals(JID.parse('juliet@example.com/A')), 'resources keep their case')
  t.notOk(one.equals(one.bare))
  t.equal(
    JID.parse('juliet@example.com/b').bare,
    one.bare,
    'full addresses of one account share their bare address',
  )
  t.equal(JID.parse('juliet@example.com/a'), one, 'a repeated text is parsed once')
})

t.test('of() and withResource() prepare and check like parse()', async t => {
  t.equal(JID.of('Juliet', 'EXAMPLE.com.', 'e\u0301').toString(), 'juliet@example.com/\u00e9')
  t.equal(JID.of('', 'example.com').toString(), 'example.com')
  const full = JID.parse('juliet@example.com/a')
  t.equal(full.withResource('b').toString(), 'juliet@example.com/b')
  t.equal(full.withResource(''), full.bare)
  t.equal(full.withResource('b').bare, full.bare)
  t.equal(
    refusal(() => JID.of('a b', 'example.com')),
    'localpart contains a character that is not allowed: U+0020',
  )
  t.equal(
    refusal(() => JID.of('a@b', 'example.com')),
    'localpart contains a character that is not allowed: U+0040',
  )
  t.equal(
    refusal(() => JID.of('a', 'b/c')),
    'domainpart has a label that is not of letters, digits and inner hyphens',
  )
  t.equal(
    refusal(() => JID.of('a', '')),
    'domainpart is empty',
  )
  t.equal(
    refusal(() => full.withResource('\n')),
    'resourcepart contains a character that is not allowed: U+000A',
  )
})

t.test('each part holds 1023 bytes and no more, counted after preparation', async t => {
  const labels = (bytes: number) =>
    `${'a.'.repeat(Math.floor((bytes - 1) / 2))}${bytes % 2 === 0 ? 'aa' : 'a'}`
  const most = JID.of('l'.repeat(1023), labels(1023), 'r'.repeat(1023))
  t.equal(JID.parse(most.toString()).toString().length, 3 * 1023 + 2)
  t.equal(JID.of('a', 'b', 'é'.repeat(511)).resource.length, 511)
  t.equal(JID.of('a', 'b', 'e\u0301'.repeat(511)).resource.length, 511, 'longer before preparation')
  for (const [part, action] of [
    ['localpart', () => JID.of('l'.repeat(1024), 'b')],
    ['localpart', () => JID.of('л'.repeat(512), 'b')],
    ['domainpart', () => JID.of('', labels(1024))],
    ['resourcepart', () => JID.of('a', 'b', 'r'.repeat(1024))],
    ['resourcepart', () => JID.of('a', 'b', '😀'.repeat(256))],
    ['resourcepart', () => JID.of('a', 'b', 'r'.repeat(10_000_000))],
  ] as const)
    t.equal(refusal(action), `${part} is longer than 1023 bytes`)
})

t.test('an error says which part is wrong and keeps the text to itself', async t => {
  try {
    JID.parse('sec ret@example.com')
    t.fail('accepted')
  } catch (error) {
    t.ok(error instanceof JIDError)
    t.match(error, { name: 'JIDError', part: 'localpart' })
    t.notMatch((error as Error).message, /sec|ret/)
  }
})

/** Text rich in what the rules care for: separators, scripts of all directions, marks, compatibility forms, joiners. */
const awkward = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'@/.-_ aZ0[]:%xn'),
    fc.constantFrom(
      'xn--',
      '\u200c',
      '\u200d',
      '·',
      '・',
      'ß',
      'Σ',
      'İ',
      'ﬁ',
      '\u3000',
      '\uff21',
      '\uff0e',
      '\u0301',
      '\u3099',
    ),
    fc.constantFrom(...'אבجييت١۱1कष्ل漢カΑα͵׳'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom('\ud800', '\udfff', '\u0000'),
  ),
  maxLength: 24,
})

t.test('preparing what is prepared changes nothing; nothing but JIDError is thrown', async () => {
  fc.assert(
    fc.property(awkward, text => {
      let jid: JID
      try {
        jid = JID.parse(text)
      } catch (error) {
        return error instanceof JIDError
      }
      const again = JID.of(jid.local, jid.domain, jid.resource)
      return (
        again.equals(jid) &&
        JID.parse(jid.toString()).equals(jid) &&
        jid.bare.equals(JID.parse(jid.bare.toString()))
      )
    }),
    { numRuns: 20_000 },
  )
})

t.test('a valid resource goes with every address and comes back from its text', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), text => {
      let resource: string
      try {
        resource = JID.of('', 'example.com', text).resource
      } catch (error) {
        return error instanceof JIDError
      }
      return (
        JID.parse(`juliet@example.com/${text}`).resource === resource &&
        resource.normalize('NFC') === resource
      )
    }),
    { numRuns: 5_000 },
  )
})
