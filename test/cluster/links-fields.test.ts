import fc from 'fast-check'
import t from 'tap'
import { MalformedError, readFields, sizeOf, writeFields } from '../../src/cluster/links/fields.ts'
import { FrameQueue } from '../../src/cluster/links/frame-queue.ts'
import { KIND, PacketReader, packAnswer, packFields, packNumber } from '../../src/cluster/links/packets.ts'

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 250, maxLength: 300 }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.uint8Array().map(bytes => Buffer.from(bytes)),
)
const fields = fc.dictionary(
  fc.string({ maxLength: 20 }).filter(name => name !== '__proto__'),
  value,
  { noNullPrototype: true },
)

t.test('fields come out as they went in, and say how long they are', async t => {
  fc.assert(
    fc.property(fields, given => {
      const bytes = Buffer.alloc(sizeOf(given))
      return writeFields(given, bytes, 0) === bytes.length && t.same(readFields(bytes, 0), given)
    }),
  )
})

t.test('what is undefined is absent', async t => {
  const bytes = Buffer.alloc(sizeOf({ op: 'x', by: undefined }))
  writeFields({ op: 'x', by: undefined }, bytes, 0)
  t.strictSame(Object.keys(readFields(bytes, 0)), ['op'])
})

t.test('a buffer among the fields shares the memory of what came', async t => {
  const bytes = Buffer.alloc(sizeOf({ stanza: Buffer.from('abc') }))
  writeFields({ stanza: Buffer.from('abc') }, bytes, 0)
  const read = readFields(bytes, 0).stanza as Buffer
  t.equal(read.toString(), 'abc')
  t.equal(read.buffer, bytes.buffer)
})

t.test('bytes of a stranger give fields or a MalformedError, nothing else', async t => {
  const attempt = (bytes: Buffer): boolean => {
    try {
      readFields(bytes, 0)
      return true
    } catch (error) {
      return error instanceof MalformedError
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => attempt(Buffer.from(bytes))),
    {
      numRuns: 2000,
    },
  )
  fc.assert(
    fc.property(fields, fc.nat(), fc.nat(255), (given, at, byte) => {
      const bytes = Buffer.alloc(sizeOf(given))
      writeFields(given, bytes, 0)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return attempt(bytes)
    }),
    { numRuns: 2000 },
  )
  const hostile = Buffer.concat([Buffer.from([9]), Buffer.from('__proto__'), Buffer.from([2])])
  t.throws(() => readFields(hostile, 0), MalformedError)
})

t.test('packets are the same however they are cut', async t => {
  const packets = [
    packFields(KIND.request, { op: 'one', stanza: Buffer.alloc(1000, 1) }),
    packFields(KIND.notify, { op: 'two' }),
    packAnswer(2 ** 40, { count: 3 }),
    packNumber(KIND.taken, 7),
  ]
  const bytes = Buffer.concat(packets)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), sizes => {
      const reader = new PacketReader(4096)
      const seen: unknown[] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] as number
        reader.push(bytes.subarray(at, at + size), packet => {
          if (packet.kind === KIND.answer) seen.push([packet.number, packet.answer])
          else if (packet.kind === KIND.taken) seen.push(packet.number)
          else seen.push(packet.fields.op)
        })
        at += size
      }
      return t.strictSame(seen, ['one', 'two', [2 ** 40, { count: 3 }], 7])
    }),
  )
})

t.test('a packet that is too long or has no length is refused before it is kept', async t => {
  const reader = new PacketReader(100)
  t.throws(() => reader.push(Buffer.from([0, 0, 0, 101]), () => t.fail()), MalformedError)
  t.throws(() => new PacketReader(100).push(Buffer.from([0, 0, 0, 0]), () => t.fail()), MalformedError)
  t.throws(() => new PacketReader(100).push(Buffer.alloc(4, 255), () => t.fail()), MalformedError)
})

t.test('a queue hands out what was not taken, again after a rewind', async t => {
  const queue = new FrameQueue()
  const frame = (n: number): Buffer => Buffer.from([n])
  t.equal(queue.push(frame(1)), 1)
  t.equal(queue.push(frame(2)), 2)
  t.strictSame(queue.hand(1), frame(1), 'no more than asked for')
  t.strictSame(queue.hand(9), frame(2))
  t.equal(queue.hand(9), undefined)
  queue.acknowledge(1)
  t.equal(queue.push(frame(3)), 3)
  queue.rewind()
  t.strictSame(queue.hand(9), Buffer.from([2, 3]))
  t.throws(() => queue.acknowledge(4), MalformedError, 'so many were not sent')
  t.throws(() => queue.acknowledge(0), MalformedError, 'what was taken stays taken')
  queue.acknowledge(3)
  t.same([queue.size, queue.bytes, queue.taken], [0, 0, 3])
  for (let n = 4; n < 5000; n++) {
    queue.push(frame(n % 256))
    queue.hand(1)
    if (n > 3000) queue.acknowledge(n - 2000)
  }
  t.same([queue.taken, queue.size, queue.bytes], [2999, 2000, 2000])
  queue.rewind()
  t.equal(queue.hand(1)?.[0], 3000 % 256)
})
