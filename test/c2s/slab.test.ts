/** What leaves is put together in memory that is used again: every socket still sends what was meant for it, however slowly it is read. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createSecureContext } from 'node:tls'
import t, { type Test } from 'tap'
import { type Piece, Slab } from '../../src/c2s/slab.ts'
import { selfSigned } from '../../src/tls/x509.ts'
import { randomNumbers } from '../support/random.ts'
import { handshake } from '../tls/support.ts'

/** Both ends of a connection over loopback. */
interface Pair {
  readonly server: Duplex
  readonly client: Duplex
}

async function plain(t: Test): Promise<Pair> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [server] = (await once(listener, 'connection')) as [Socket]
  t.teardown(() => {
    client.destroy()
    listener.close()
  })
  return { server, client }
}

async function encrypted(t: Test): Promise<Pair> {
  const { certificate: cert, key } = selfSigned({
    commonName: 'localhost',
    names: [{ dns: 'localhost' }],
    notBefore: new Date(Date.now() - 1_000),
    notAfter: new Date(Date.now() + 86_400_000),
  })
  const { close, ...pair } = await handshake({ secureContext: createSecureContext({ cert, key }) }, {})
  t.teardown(close)
  return pair
}

const tick = () => new Promise(setImmediate)

/** Some pieces, of few bytes or of many, and how many bytes they are. */
function pieces(random: () => number, label: string): { all: Piece[]; length: number } {
  const all = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, i) => {
    const text = `<${label} ${i} é€😀 ${'x'.repeat(random() < 0.02 ? 90_000 : random() * 700)}>`
    return random() < 0.5 ? text : Buffer.from(text)
  })
  const length = all.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
  return { all, length }
}

for (const [kind, pair] of [
  ['plain', plain],
  ['encrypted', encrypted],
] as const)
  t.test(`${kind} sockets`, async t => {
    const slab = new Slab()
    const random = randomNumbers(7)
    const pairs = [await pair(t), await pair(t), await pair(t)]
    // What is not read fills the kernel's buffers: the socket keeps the rest.
    const received = pairs.map(({ client }, i) => (i === 1 ? undefined : buffer(client)))
    const sent = pairs.map((): Buffer[] => [])
    let kept = 0
    for (let round = 0; round < 3_000; round++) {
      for (const [i, { server }] of pairs.entries()) {
        const { all, length } = pieces(random, `${round} for ${i}`)
        sent[i]!.push(...all.map(piece => Buffer.from(piece)))
        slab.write(server, all, length)
        if (server.writableLength > 0) kept++
      }
      if (round % 10 === 0) await tick()
    }
    t.ok(kept > 1_000, 'one that is not read keeps what it cannot send')
    received[1] = buffer(pairs[1]!.client)
    for (const { server } of pairs) server.end()
    for (const [i, bytes] of received.entries())
      t.ok(Buffer.concat(sent[i]!).equals(await bytes!), `what was meant for ${i}, in order`)
  })
