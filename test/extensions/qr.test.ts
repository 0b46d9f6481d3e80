/** QR codes. The expected ones were made by another encoder (qrcode-terminal), for each size that there is. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { codewordsOf } from '../../src/extensions/invitations/qr/codewords.ts'
import { gridOf, maskedGrid } from '../../src/extensions/invitations/qr/grid.ts'
import { qrCode } from '../../src/extensions/invitations/qr/index.ts'
import { correctionOf } from '../../src/extensions/invitations/qr/reed-solomon.ts'

/** The longest text of each version, 1 to 10, and the SHA-256 of its code with mask (version mod 8), a line of 0 and 1 per row. */
const EXPECTED: readonly (readonly [bytes: number, sha256: string])[] = [
  [14, '2a18ed9886ae6499'],
  [26, '19d147bd679f1b43'],
  [42, '657fbecbf041db2d'],
  [62, 'dddddbe4f854c88a'],
  [84, 'd1f94a8d2fcf82d7'],
  [106, '380fd84c4a53da81'],
  [122, 'dba5244ef9c7fd59'],
  [152, '68998a203667d911'],
  [180, '2b32adc346d3f093'],
  [213, 'ef55cf86a3c931a0'],
]

t.test('each size, each as another encoder draws it', async t => {
  for (const [i, [bytes, sha256]] of EXPECTED.entries()) {
    const codewords = codewordsOf(textOf(bytes))!
    t.equal(codewords.version, i + 1)
    const grid = maskedGrid(codewords, (i + 1) % 8)
    const printed = grid.map(line => line.map(Number).join('')).join('\n')
    t.equal(createHash('sha256').update(printed).digest('hex').slice(0, 16), sha256, `version ${i + 1}`)
    t.equal(codewordsOf(textOf(bytes + 1))?.version, i === 9 ? undefined : i + 2)
  }
})

t.test('the data of ISO/IEC 18004 annex I has the correction that is printed there', async t => {
  const data = [
    0x10, 0x20, 0x0c, 0x56, 0x61, 0x80, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11,
  ]
  const correction = [0xa5, 0x24, 0xd4, 0xc1, 0xed, 0x36, 0xc7, 0x87, 0x2c, 0x55]
  t.strictSame(correctionOf(data, 10), correction)
})

t.test('the mask that is chosen is one of the eight', async t => {
  const codewords = codewordsOf('http://localhost:5280/invite/abcdefghijklmnopqrstuvwx')!
  const all = Array.from({ length: 8 }, (_, mask) => JSON.stringify(maskedGrid(codewords, mask)))
  t.ok(all.includes(JSON.stringify(gridOf(codewords))))
})

t.test('as SVG: white around it, its label escaped', async t => {
  const { text } = qrCode('hello', '"code"')!
  t.match(text, /^<svg [^>]*aria-label="&#34;code&#34;"[^>]*viewBox="0 0 29 29"/)
  t.match(text, /<path fill="#000" d="M4 4h7v1h-7z/, 'the upper edge of the first eye')
  t.ok(text.endsWith('</svg>'))
  t.equal(qrCode('x'.repeat(214), 'code'), undefined)
})

/** Some text of this length. */
function textOf(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * 7 + length) % 90))).join('')
}
