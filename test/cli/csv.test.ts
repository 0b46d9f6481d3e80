import t from 'tap'
import { type CsvRecord, readCsv } from '../../src/cli/csv.ts'

async function read(...pieces: string[]): Promise<CsvRecord[]> {
  const records: CsvRecord[] = []
  const source = (async function* () {
    yield* pieces
  })()
  for await (const record of readCsv(source)) records.push(record)
  return records
}

const fields = async (text: string) => (await read(text)).map(record => record.fields)

t.test('lines and fields', async t => {
  t.strictSame(await read('a,b\r\nc,d\n'), [
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['c', 'd'] },
  ])
  t.strictSame(await fields('a,b'), [['a', 'b']], 'no line end at the end (RFC 4180 §2.2)')
  t.strictSame(await fields('a, b ,'), [['a', ' b ', '']], 'spaces are part of a field (RFC 4180 §2.4)')
  t.strictSame(await fields(''), [])
})

t.test('quotes', async t => {
  t.strictSame(await fields('"a","b,""c"""'), [['a', 'b,"c"']], 'RFC 4180 §2.6, §2.7')
  t.strictSame(await fields('"",x'), [['', 'x']])
})

t.test('what is wrong costs one line', async t => {
  const records = await read('a,b\n"a,b\nx"y,z\n"a"b,c\nc,d\n')
  t.strictSame(
    records.map(({ line, problem }) => [line, problem !== undefined]),
    [
      [1, false],
      [2, true],
      [3, true],
      [4, true],
      [5, false],
    ],
  )
  t.equal(records[1]!.problem, 'a quote is not closed, or stands inside a field that is not quoted')
})

t.test('empty lines and a byte order mark are passed over, and lines still counted', async t => {
  t.strictSame(await read('\uFEFFa,b\n\n  \nc,d'), [
    { line: 1, fields: ['a', 'b'] },
    { line: 4, fields: ['c', 'd'] },
  ])
})

t.test('pieces may end anywhere', async t => {
  const whole = await read('anne,"s,e"\r\nbert,x\r\n')
  t.strictSame(await read(...'anne,"s,e"\r\nbert,x\r\n'), whole)
})
