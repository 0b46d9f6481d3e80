import t from 'tap'
import { Reader, Scanners } from '../../src/xml/reader.ts'
import type { StreamError } from '../../src/xml/stream-error.ts'
import { HEADER, LIMITS, lineOf } from '../support/xml.ts'

const PREFIXED = HEADER.replace('>', " xml:lang='de' xmlns:p='urn:p'>")
/** Streams with what comes out of them: elements in order, and how they end. */
const STREAMS = [
  [
    `${HEADER}<message to='a'><body>one</body></message><iq id='2'/></stream:stream>`,
    ['{jabber:client}message to="a" <body>one</body>', '{jabber:client}iq id="2"', 'close'],
  ],
  [
    `${PREFIXED}<presence><p:c/></presence><presence xml:lang='fr'/></stream:stream>`,
    [
      '{jabber:client}presence <p:c xmlns:p="urn:p"/> de',
      '{jabber:client}presence xml:lang="fr" fr',
      'close',
    ],
  ],
  [`${HEADER}<a xmlns='urn:a' xmlns:q='urn:q'><q:b><c></b></a>`, ['end-tag']],
  [`${HEADER}<message><p:c/></message>`, ['prefix-undeclared']],
] as const

/** What comes out of a stream that is fed `size` bytes at a time, a step for each piece. */
function* reading(text: string, size: number, scanners: Scanners, found: string[]): Generator<void> {
  const reader = new Reader(LIMITS, undefined, scanners)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    reader.push(bytes.subarray(at, at + size))
    try {
      for (let item = reader.next(); item !== undefined; item = reader.next())
        if (item.kind === 'element') found.push([lineOf(item), item.lang].join(' ').trimEnd())
        else if (item.kind === 'close') found.push('close')
    } catch (error) {
      found.push((error as StreamError).rule ?? String(error))
    }
    yield
  }
}

for (const size of [1, 7, 50, 1_000])
  t.test(`streams that share their scanners do not meet, ${size} bytes of each in turn`, async t => {
    const scanners = new Scanners()
    const running = Array.from({ length: 40 }, (_, index) => {
      const [text, expected] = STREAMS[index % STREAMS.length]!
      const found: string[] = []
      return { expected, found, steps: reading(text, size, scanners, found) }
    })
    let left = running
    while (left.length > 0) left = left.filter(one => !one.steps.next().done)
    for (const { expected, found } of running) t.strictSame(found, expected)
  })
