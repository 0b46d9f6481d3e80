import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Callee, Caller, RefusedError, VERSION } from '../../src/cluster/links/greeting.ts'
import { KIND, PacketReader, packFields } from '../../src/cluster/links/packets.ts'
import type { Answer, Frame } from '../../src/cluster/types.ts'
import { systemClock } from '../../src/core/clock.ts'
import { openLinks, socketPath } from '../support/links.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const echo = (frame: Frame): Answer => ({ number: frame.number })

t.test(
  'requests are answered, frames without an answer taken, over TCP, TLS and sockets of the machine',
  async t => {
    const kinds = {
      tcp: {},
      tls: { encrypted: true },
      unix: { listen: { path: await socketPath(t) } },
    }
    for (const [name, options] of Object.entries(kinds)) {
      const seen: unknown[] = []
      const one = await openLinks(t, `one-${name}`, echo)
      const two = await openLinks(
        t,
        `two-${name}`,
        (frame, from) => {
          seen.push([frame.op, from])
          return { stanza: frame.stanza }
        },
        options,
      )
      const caller = name === 'tls' ? await openLinks(t, 'three', echo, options) : one
      const from = name === 'tls' ? 'three' : `one-${name}`
      caller.links.reach(`two-${name}`, two.links.address)
      caller.links.notify(`two-${name}`, { op: 'told' })
      const answer = await caller.links.request(`two-${name}`, { op: 'asked', stanza: Buffer.from('<a/>') })
      t.strictSame(answer.stanza, Buffer.from('<a/>'))
      t.strictSame(seen, [
        ['told', from],
        ['asked', from],
      ])
      await caller.links.settled()
      await two.links.settled()
    }
  },
)

t.test('who is called can answer and call back without having been told where', async t => {
  const one = await openLinks(t, 'one', () => ({ from: 'one' }))
  const two = await openLinks(t, 'two', async (_, from) => two.links.request(from, { op: 'back' }))
  one.links.reach('two', two.links.address)
  t.strictSame(await one.links.request('two', { op: 'there' }), { from: 'one' })
})

t.test('requests, frames and answers keep one order, and each runs out before the next', async t => {
  const seen: string[] = []
  const one = await openLinks(t, 'one', frame => {
    seen.push(`${frame.op}`)
    return {}
  })
  const two = await openLinks(t, 'two', (frame, from) => {
    two.links.notify(from, { op: `before ${frame.number}` })
    queueMicrotask(() => two.links.notify(from, { op: `after ${frame.number}` }))
    return {}
  })
  one.links.reach('two', two.links.address)
  const deep = async (number: number): Promise<void> => {
    await (async () => await one.links.request('two', { op: 'x', number }))()
    for (let i = 0; i < 5; i++) await undefined
    seen.push(`answered ${number}`)
  }
  await Promise.all([0, 1, 2].map(deep))
  await two.links.settled()
  t.equal(seen.length, 9)
  const place = (what: string) => seen.indexOf(what)
  for (const n of [0, 1, 2]) {
    t.ok(place(`before ${n}`) < place(`answered ${n}`))
    t.ok(place(`answered ${n}`) < place(`after ${n}`), 'also what came right behind it')
  }
})

t.test('nothing is lost, repeated or out of order when connections break again and again', async t => {
  const taken: number[] = []
  const one = await openLinks(t, 'one', echo)
  const two = await openLinks(t, 'two', frame => {
    taken.push(frame.number as number)
    return { number: frame.number }
  })
  const proxy = await TcpProxy.start(() => Number(two.links.address.split(':')[1]))
  t.teardown(() => proxy.close())
  one.links.reach('two', `127.0.0.1:${proxy.port}`)
  const answers: Promise<Answer>[] = []
  const stanza = Buffer.alloc(3000)
  for (let number = 0; number < 2000; number++) {
    answers.push(one.links.request('two', { op: 'n', number, stanza }))
    if (number % 50 === 0) await new Promise(setImmediate)
    if (number % 200 === 150) proxy.vanish()
  }
  const given = await Promise.all(answers)
  t.strictSame(
    taken,
    Array.from({ length: 2000 }, (_, i) => i),
  )
  t.strictSame(
    given.map(({ number }) => number),
    taken,
  )
  t.ok(one.events.some(({ kind }) => kind === 'down'))
})

t.test('another secret is refused by both sides, and told', async t => {
  for (const encrypted of [false, true]) {
    const one = await openLinks(t, 'one', echo, { encrypted, patience: 1 })
    const two = await openLinks(t, 'two', echo, { encrypted, secret: 'quite another secret' })
    one.links.reach('two', two.links.address)
    await t.rejects(one.links.request('two', { op: 'x' }), { code: 'gone' })
    t.strictSame(one.broken, ['two'])
    t.ok(one.events.some(({ kind }) => kind === 'down'))
    if (!encrypted)
      t.match(two.events[0], { kind: 'refused', from: '127.0.0.1', trouble: { reason: 'secret' } })
    t.notMatch(JSON.stringify([one.events, two.events]), /secret of|another secret/)
  }
})

t.test('a greeting proves both sides, and nothing of it can be used elsewhere', async t => {
  const fieldsOf = (packet: Buffer) => {
    let fields: Record<string, unknown> = {}
    new PacketReader(4096).push(packet, one => {
      fields = one.fields
    })
    return fields as Parameters<Caller['take']>[0]
  }
  const one = { node: 'one', address: 'here:1', secret: 'shared' }
  const two = { node: 'two', address: 'there:2', secret: 'shared' }
  const begin = (own = one, other = two) => {
    const caller = new Caller(own, 'two')
    const callee = new Callee(other)
    const nonce = callee.take(fieldsOf(caller.hello())) as Buffer
    return { caller, callee, proof: caller.take(fieldsOf(nonce)) as Buffer }
  }
  const good = begin()
  t.equal(good.callee.take(fieldsOf(good.proof)), undefined)
  t.strictSame(good.callee.caller, { node: 'one', address: 'here:1' })
  t.equal(good.caller.take(fieldsOf(good.callee.welcome(41))), 41)

  const replayed = begin()
  t.throws(
    () => replayed.callee.take(fieldsOf(good.proof)),
    new RefusedError('secret'),
    'a proof of another greeting',
  )
  const changed = fieldsOf(begin().proof)
  t.throws(() => begin().callee.take({ ...changed, address: 'mine:3' }), new RefusedError('secret'))
  const wrong = begin(one, { ...two, secret: 'other' })
  t.throws(() => wrong.callee.take(fieldsOf(wrong.proof)), new RefusedError('secret'))
  const impostor = begin()
  t.throws(
    () => impostor.caller.take(fieldsOf(impostor.proof)),
    new RefusedError('secret'),
    'its own proof, sent back',
  )
  const told = begin()
  const welcome = fieldsOf(told.callee.welcome(41))
  t.throws(() => told.caller.take({ ...welcome, taken: 42 }), new RefusedError('secret'))
  t.throws(() => begin().caller.take({ gone: true, proof: Buffer.alloc(32) }), new RefusedError('secret'))
  t.throws(() => begin(one, { ...two, node: 'three' }), new RefusedError('other-node'))
  t.throws(() => new Callee(two).take({ version: VERSION + 1 }), new RefusedError('version'))
})

t.test('bytes of strangers end their connection and nothing else', async t => {
  const one = await openLinks(t, 'one', echo)
  const two = await openLinks(t, 'two', echo)
  const [host, port] = two.links.address.split(':') as [string, string]
  const hostile = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(100_000, 255),
    Buffer.from([0, 0, 0, 1, 77]),
    Buffer.from([0, 0, 0, 3, KIND.greeting, 200, 0]),
    packFields(KIND.greeting, { version: VERSION, node: 'one', nonce: Buffer.alloc(31) }),
    packFields(KIND.greeting, { version: VERSION, node: 'x'.repeat(300), nonce: Buffer.alloc(32) }),
    packFields(KIND.request, { op: 'receive' }),
    Buffer.concat([
      packFields(KIND.greeting, { version: VERSION, node: 'one', nonce: Buffer.alloc(32) }),
      packFields(KIND.greeting, { address: 'mine:1', proof: Buffer.alloc(32) }),
      packFields(KIND.request, { op: 'receive' }),
    ]),
  ]
  for (const bytes of hostile) {
    const socket = connect(Number(port), host)
    socket.on('error', () => {}).on('data', () => {})
    socket.write(bytes)
    await once(socket, 'close')
  }
  t.equal(two.events.filter(({ kind }) => kind === 'refused').length, hostile.length)
  one.links.reach('two', two.links.address)
  t.strictSame(await one.links.request('two', { op: 'x', number: 5 }), { number: 5 })
})

t.test('a node that was given up is told so, and gives up in turn', async t => {
  const one = await openLinks(t, 'one', echo)
  const two = await openLinks(t, 'two', () => new Promise(() => {}))
  one.links.reach('two', two.links.address)
  const open = one.links.request('two', { op: 'x' })
  await two.links.request('one', { op: 'y' }).catch(() => {})
  one.links.end('two')
  await t.rejects(open, { code: 'gone' })
  await t.rejects(one.links.request('two', { op: 'x' }), { code: 'gone' })
  two.links.reach('one', one.links.address)
  await t.rejects(two.links.request('one', { op: 'y' }), { code: 'gone' })
  t.strictSame(two.broken, ['one'])
})

t.test('a node that takes nothing is given up after a time, and what waits for it is bounded', async t => {
  const silent = await openLinks(t, 'silent', echo)
  const proxy = await TcpProxy.start(() => Number(silent.links.address.split(':')[1]))
  t.teardown(() => proxy.close())
  const one = await openLinks(t, 'one', echo, { mostBytes: 10_000, patience: 2 })
  one.links.reach('silent', `127.0.0.1:${proxy.port}`)
  await one.links.request('silent', { op: 'x' })
  await one.links.settled()
  proxy.stall()
  const stanza = Buffer.alloc(6000)
  const first = one.links.request('silent', { op: 'x', stanza })
  const second = one.links.request('silent', { op: 'x', stanza })
  await t.rejects(one.links.request('silent', { op: 'x' }), { code: 'overloaded' })
  one.links.notify('silent', { op: 'x', stanza })
  t.strictSame(one.broken, [], 'what cannot be refused has more room')
  await t.rejects(first, { code: 'gone' })
  await t.rejects(second, { code: 'gone' })
  t.strictSame(one.broken, ['silent'])

  const two = await openLinks(t, 'two', echo, { mostBytes: 10_000 })
  for (let n = 0; n < 8; n++) two.links.notify('nowhere', { op: 'x', stanza })
  t.strictSame(two.broken, ['nowhere'], 'more than that: at once')
})

t.test('a frame that cannot be handled fails alone', async t => {
  const one = await openLinks(t, 'one', echo)
  const two = await openLinks(t, 'two', frame => {
    if (frame.op === 'throws') throw new Error('a fault')
    if (frame.op === 'rejects') return Promise.reject(new Error('a fault'))
    if (frame.op === 'large') return { large: Buffer.alloc(65 * 1024 * 1024) }
    return {}
  })
  one.links.reach('two', two.links.address)
  for (const op of ['throws', 'rejects', 'large'])
    await t.rejects(one.links.request('two', { op }), { code: 'failed' })
  one.links.notify('two', { op: 'throws' })
  t.strictSame(await one.links.request('two', { op: 'good' }), {})
  t.strictSame(
    two.events.flatMap(event => ('op' in event ? event.op : [])),
    ['throws', 'rejects', 'large', 'throws'],
  )
  await t.rejects(one.links.request('two', { op: 'x', large: Buffer.alloc(65 * 1024 * 1024) }), {
    code: 'too-large',
  })
  await one.links.settled()
  await two.links.settled()
})

t.test('closing sends what waits', async t => {
  let taken = 0
  const two = await openLinks(t, 'two', () => {
    taken++
    return {}
  })
  const one = await openLinks(t, 'one', echo, { clock: systemClock })
  one.links.reach('two', two.links.address)
  for (let n = 0; n < 1000; n++) one.links.notify('two', { op: 'x' })
  await one.links.close()
  t.equal(taken, 1000)
  await t.rejects(one.links.request('two', { op: 'x' }), { code: 'gone' })
})
