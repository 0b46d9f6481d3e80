import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { Outbox, Ticks } from '../../src/c2s/outbox.ts'

/** What an outbox uses of a socket: takes all that is written, or nothing more while `stuck`. */
class FakeSocket extends EventEmitter {
  readonly writes: string[] = []
  readonly writableHighWaterMark = 100
  writableLength = 0
  stuck = false

  write(bytes: Buffer): void {
    this.writes.push(bytes.toString())
    if (this.stuck) this.writableLength += bytes.length
  }
}

function outbox(limit = 1_000) {
  const socket = new FakeSocket()
  let overflows = 0
  const owner = {
    socket: socket as unknown as Socket,
    overflowed: () => {
      overflows++
    },
  }
  const box = new Outbox(owner, new Ticks(limit))
  return { socket, box, send: (text: string) => box.write(Buffer.from(text)), overflows: () => overflows }
}

const tick = () => new Promise(setImmediate)

t.test('what is written in one tick leaves in one write', async t => {
  const { socket, send } = outbox()
  for (const text of ['one ', 'two ', 'three']) send(text)
  t.same(socket.writes, [])
  await tick()
  t.same(socket.writes, ['one two three'])
  send('four')
  await tick()
  await tick()
  t.same(socket.writes, ['one two three', 'four'])
})

t.test('a socket that has enough to send is left alone until it drains', async t => {
  const { socket, box, send } = outbox()
  socket.stuck = true
  send('x'.repeat(100))
  await tick()
  for (const text of ['a', 'b', 'c']) {
    send(text)
    await tick()
  }
  t.equal(socket.writes.length, 1)
  t.equal(box.pending, 103)
  socket.writableLength = 0
  box.flush()
  t.same(socket.writes.slice(1), ['abc'])
})

t.test('a long queue is offered to the socket before the tick ends', async t => {
  const { socket, send } = outbox(Number.POSITIVE_INFINITY)
  for (let i = 0; i < 3; i++) send('x'.repeat(40_000))
  t.equal(socket.writes.length, 1)
  await tick()
  t.equal(socket.writes.join('').length, 120_000)
})

t.test('too much pending at the end of a tick is told', async t => {
  const { socket, send, overflows } = outbox(1_000)
  send('x'.repeat(5_000))
  await tick()
  t.equal(overflows(), 0, 'the socket took it')
  socket.stuck = true
  send('x'.repeat(1_000))
  await tick()
  t.equal(overflows(), 0)
  send('x')
  await tick()
  t.equal(overflows(), 1)
})

t.test('before a socket is closed it gets everything', async t => {
  const { socket, box, send } = outbox()
  socket.stuck = true
  send('x'.repeat(100))
  await tick()
  send('last words')
  box.hand()
  t.equal(socket.writes.at(-1), 'last words')
})
