import t from 'tap'
import { missingCitations } from '../../scripts/citations/check.ts'
import { scan } from '../../scripts/citations/scan.ts'
import type { LocatedExtension } from '../../scripts/extensions.ts'
import { citationsIndex } from '../../scripts/generate/citations.ts'

const cited = (text: string, file = 'src/a.ts'): string[] =>
  scan(file, text).citations.map(one => `${one.line} ${one.spec} ${one.section ?? '-'}`)
const wrong = (text: string, file = 'src/a.ts'): string[] =>
  scan(file, text).problems.map(one => `${one.line} ${one.text}`)

t.test('finds citations in comments, with their lines', async t => {
  t.same(cited('// RFC 6120 §4.9.3: why\nconst a = 1 // XEP-0198 §5\n'), ['1 RFC 6120 4.9.3', '2 XEP-0198 5'])
  t.same(cited('/**\n * One (RFC 7622).\n * Two: RFC 6121 §4.2, §4.4 to §4.5.\n */'), [
    '2 RFC 7622 -',
    '3 RFC 6121 4.2',
    '3 RFC 6121 4.4',
    '3 RFC 6121 4.5',
  ])
  t.same(cited('// RFC 5892 appendix A.1; RFC 5802 §A.2\n'), ['1 RFC 5892 A.1', '1 RFC 5802 A.2'])
  t.same(cited('// ARCHITECTURE §6: so it is. XML 1.0 §2.11 too.\n'), [])
})

t.test('reads comments only', async t => {
  t.same(cited("const text = 'RFC6120 is no citation'\nconst url = 'https://rfc6120'\n"), [])
  t.same(cited("const one = 'a' // XEP-0030 §3\nconst other = 'XEP-1 §'\n"), ['1 XEP-0030 3'])
  t.same(cited("const quoted = 'a // RFC6120'\n"), [])
  t.same(cited('/* RFC 6120 */\nconst after = "RFC 9999"\n'), ['1 RFC 6120 -'])
})

t.test('a continued line comment keeps its specification, the next comment does not', async t => {
  t.same(cited('// RFC 6120 §8.3.1: no answer;\n// §8.2.3: nor here.\n'), [
    '1 RFC 6120 8.3.1',
    '2 RFC 6120 8.2.3',
  ])
  t.match(wrong('// RFC 6120 §8.3.1: no answer\nconst a = 1\n// §8.2.3: of what?\n'), [
    /^3 "§8.2.3:": of which/,
  ])
})

t.test('refuses every other spelling', async t => {
  t.same(wrong('// RFC6120 §4: x\n'), ['1 "RFC6120" is written "RFC 6120"'])
  t.same(wrong('// rfc 6120 §4: x\n'), ['1 "rfc 6120" is written "RFC 6120"'])
  t.same(wrong('// XEP-198 §4: x\n'), ['1 "XEP-198" is written "XEP-0198"'])
  t.same(wrong('// XEP 0198\n'), ['1 "XEP 0198" is written "XEP-0198"'])
  t.match(wrong('// RFC 6102 §4: misprint\n'), [/^1 RFC 6102 is not in/])
  t.match(wrong('// XEP-0891: misprint\n'), [/^1 XEP-0891 is not in/])
  t.match(wrong('// RFC 6120 § 4: space\n'), [/^1 "§": a section is written/])
  t.match(wrong('// RFC 6120 §four: word\n'), [/^1 "§four:": a section is written/])
  t.match(wrong('// RFC 6120 says in its §4.9: far away\n'), [/^1 "§4.9:": of which specification/])
})

t.test('a dialogue begins with a quotation that names its section', async t => {
  const dialogue =
    '# XEP-0199 §4.1: If the connected entity\n# supports it (RFC 6120 §8) ...\n[alice] alice@localhost\n'
  t.same(wrong(dialogue, 'test/a.dialogue'), [])
  t.same(cited(dialogue, 'test/a.dialogue'), ['1 XEP-0199 4.1', '2 RFC 6120 8'])
  t.match(wrong('# A ping\n[alice] alice@localhost\n', 'test/a.dialogue'), [/^1 a dialogue begins/])
  t.match(wrong('[alice] alice@localhost\n# XEP-0199 §4.1: If\n', 'test/a.dialogue'), [
    /^1 a dialogue begins/,
  ])
})

t.test('an extension cites what it claims, first of all in its first comment', async t => {
  const file = 'src/extensions/ping.ts'
  const extension = {
    name: 'ping',
    doc: '',
    xeps: [{ xep: 199, version: '2.0.1', status: 'complete' as const }],
    setup: () => ({}),
  }
  const missing = (comment: string): string[] => {
    const located: LocatedExtension[] = [{ extension, file }]
    return missingCitations(located, scan(file, comment).citations, () => comment)
      .filter(one => one.file === file)
      .map(one => one.text)
  }
  t.same(missing('/** XEP-0199: XMPP Ping. */'), [])
  t.same(missing('/** XEP-0202: something else. */'), [
    'the first comment names none of XEP-0199',
    'claims XEP-0199 and nowhere cites it',
  ])
  t.same(missing('/** Pings. */'), [
    'the first comment names none of XEP-0199',
    'the first comment names no specification',
    'claims XEP-0199 and nowhere cites it',
  ])
})

t.test('sections that an extension claims are written like any other', async t => {
  const claim = (rfc: string): string[] => {
    const extension = { name: 'roster', doc: '', rfcs: [rfc], setup: () => ({}) }
    const file = 'src/extensions/roster.ts'
    return missingCitations([{ extension, file }], [], () => '/** RFC 6121 §2: Roster. */')
      .filter(one => one.file === file)
      .map(one => one.text)
  }
  t.same(claim('RFC 6121 §2.1'), [])
  t.same(claim('RFC6121 §2.1'), ['"RFC6121" is written "RFC 6121"'])
})

t.test('the index orders sections by number and tells code from tests', async t => {
  const citations = [
    ...scan('src/b.ts', '// RFC 6120 §4.10: x\n// RFC 6120 §4.9\n').citations,
    ...scan('src/a.ts', '// RFC 6120 §4.10: x\n// XEP-0030\n').citations,
    ...scan('test/a.dialogue', '# RFC 6120 §4.9: x\n').citations,
  ]
  const index = citationsIndex(citations)
  t.match(index, '## RFC 6120: XMPP: Core\n')
  t.match(index, '| §4.9 | src/b.ts | test/a.dialogue |\n| §4.10 | src/a.ts<br>src/b.ts |  |\n')
  t.match(index, '## XEP-0030: Service Discovery\n')
  t.equal(index, citationsIndex([...citations].reverse()))
})
