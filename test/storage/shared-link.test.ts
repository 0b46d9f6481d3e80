/** What the storage contract does not ask of a storage process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Payloads } from '../../src/storage/cells.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { memoryEngine } from '../../src/storage/memory.ts'
import { readCommit, writeCommit } from '../../src/storage/shared/commit-cells.ts'
import { connectStorage, type SharedStorage } from '../../src/storage/shared/open.ts'
import { PacketReader, pack } from '../../src/storage/shared/packet.ts'
import { fromText, toText } from '../../src/storage/shared/plain.ts'
import type { StoragePort } from '../../src/storage/shared/port.ts'
import { StorageServer } from '../../src/storage/shared/server.ts'
import type { StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

const clock = { now: () => 0 }
const alice = JID.parse('alice@localhost')
const bob = JID.parse('bob@localhost')

/** Short: a socket's path has 107 bytes at most. */
function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-shared-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, 'socket')
}

/** A storage process in this one. */
async function serve(t: Test, changed: Partial<Engine> = {}) {
  const path = socketPath(t)
  const engine = Object.assign(memoryEngine({ clock }), changed)
  const ports: StoragePort[] = []
  const onClient = (port: StoragePort): void => void ports.push(port)
  const server = await StorageServer.open(path, { engine, ephemeral: memoryEphemeral(clock), onClient })
  t.teardown(() => server.close())
  const told: string[] = []
  const lost: StorageError[] = []
  const client = async (): Promise<SharedStorage> => {
    const shared = await connectStorage({
      path,
      clock,
      onTold: text => told.push(text),
      onLost: error => lost.push(error),
    })
    t.teardown(() => shared.storage.close())
    return shared
  }
  return { path, server, engine, ports, told, lost, client }
}

t.test('packets come out as they went in, however they are cut', async t => {
  const cell = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null))
  const packet = fc.record({ cells: fc.array(cell), payloads: fc.array(fc.uint8Array()) })
  const property = fc.property(fc.array(packet), fc.array(fc.nat(40)), (packets, cuts) => {
    const packed = packets.map(({ cells, payloads }) => {
      const places = new Payloads()
      const placed = payloads.flatMap(payload => [places.place(payload), payload.byteLength])
      return pack([...cells, ...placed], places)
    })
    let rest = Buffer.concat(packed)
    const reader = new PacketReader()
    const seen: unknown[] = []
    const take = (chunk: Buffer): void =>
      reader.take(chunk, reading => {
        const { cells, payloads } = packets[seen.length]!
        const read = cells.map(() => reading.optional() ?? null)
        seen.push([read, payloads.map(() => [...reading.payload()])])
      })
    for (const cut of cuts) {
      take(rest.subarray(0, cut))
      rest = rest.subarray(cut)
    }
    take(rest)
    const sent = packets.map(({ cells, payloads }) => [cells, payloads.map(payload => [...payload])])
    t.strictSame(seen, sent)
  })
  fc.assert(property)
})

t.test('a payload that two appends share is sent once, and is one object again', async t => {
  const payload = Buffer.from('hello')
  const append = { kind: 'append', archive: 'mam', peer: 'p', payload, unread: true } as const
  const operations = [
    { ...append, owner: 'a', counted: 'peer', key: undefined, unless: [] },
    { ...append, owner: 'b', counted: 'owner', key: 'k', unless: ['k', 'l'] },
    { ...append, owner: 'c', counted: 'peer', key: 'k', unless: ['k'] },
    { kind: 'replace', archive: 'mam', owner: 'a', id: 2n ** 62n, payload: Buffer.from('gone') },
  ] as const
  const cells: (string | number | null)[] = []
  const payloads = new Payloads()
  writeCommit(operations, cells, payloads)
  t.equal(payloads.length, 9)
  new PacketReader().take(pack(cells, payloads), reading => {
    const read = readCommit(reading)
    t.strictSame(read, operations)
    t.equal((read[0] as { payload: unknown }).payload, (read[1] as { payload: unknown }).payload)
  })
})

t.test('ids and bytes survive among plain arguments', async t => {
  const query = { after: 2n ** 62n, containing: [Buffer.from([0, 255])], limit: 3, ids: [1n] }
  t.strictSame(fromText(toText(query)), query)
})

t.test('two clients see what the other has stored; what a client tells keeps its place', async t => {
  const { client, ports } = await serve(t)
  const [one, other] = [await client(), await client()]
  const stored: unknown[] = []
  ports[0]!.onTold = text => stored.push(text)
  const table = one.storage.table<string>('things', 'lww')
  const commit = one.storage.commit([table.put(alice, 'k', 'v')]).then(() => stored.push('stored'))
  one.tell('after the commit was sent')
  await commit
  t.strictSame(stored, ['after the commit was sent', 'stored'])
  t.equal(await other.storage.table<string>('things', 'lww').get(alice, 'k'), 'v')
  t.throws(() => one.storage.table('things', 'cas'), { code: 'invalid' })
})

t.test('tokens are taken from one bucket', async t => {
  const { client } = await serve(t)
  const clients = [await client(), await client()]
  const takes = [0, 1, 0, 1].map(which => clients[which]!.storage.ephemeral.take('k', 3, 1000))
  t.strictSame((await Promise.all(takes)).filter(taken => taken).length, 3)
  await clients[0]!.storage.ephemeral.set(new Map([['k', 'v']]), 1000)
  t.equal(await clients[1]!.storage.ephemeral.get('k'), 'v')
  t.equal(await clients[1]!.storage.ephemeral.get('l'), undefined)
})

t.test('commits to archives that a client may not write to are refused, and nothing else', async t => {
  const { client, ports } = await serve(t)
  const { storage } = await client()
  ports[0]!.mayWrite = owner => owner === 'alice@localhost'
  const table = storage.table<string>('things', 'lww')
  const archive = storage.archive('mam')
  const append = (owner: JID) => archive.append(owner, { peer: owner, payload: Buffer.from('hello') })
  await storage.commit([append(alice), table.put(bob, 'k', 'v')])
  const refused = { code: 'unavailable', message: /not held by this process/ }
  await t.rejects(storage.commit([table.put(bob, 'k', 'w'), append(alice), append(bob)]), refused)
  await t.rejects(storage.commit([archive.replace(bob, 1n, Buffer.from('gone'))]), refused)
  t.equal(await table.get(bob, 'k'), 'v')
  t.equal((await archive.page(alice)).items.length, 1)
  await t.resolves(storage.table<string>('accounts', 'cas').update(bob, 'k', () => 'v'))
})

t.test('back-pressure of the engine reaches the clients, and ends', async t => {
  const relief = Promise.withResolvers<void>()
  let pressed = true
  const { client } = await serve(t, { pressure: () => (pressed ? relief.promise : undefined) })
  const { storage } = await client()
  const table = storage.table<string>('things', 'lww')
  await storage.commit([table.put(alice, 'k', 'v')])
  await table.get(alice, 'k')
  const waiting = storage.pressure()
  t.ok(waiting)
  pressed = false
  relief.resolve()
  await waiting
  t.equal(storage.pressure(), undefined)
})

t.test('a client counts what waits, and asks for a pause by itself', async t => {
  const gate = Promise.withResolvers<void>()
  const { engine, client } = await serve(t)
  const commit = engine.commit.bind(engine)
  engine.commit = async operations => {
    await gate.promise
    return commit(operations)
  }
  const { storage } = await client()
  const table = storage.table<string>('things', 'lww')
  const commits: Promise<void>[] = []
  while (storage.pressure() === undefined) commits.push(storage.commit([table.put(alice, 'k', 'v')]))
  t.equal(storage.waiting, commits.length)
  t.equal(commits.length, 10_000)
  gate.resolve()
  await storage.pressure()
  await Promise.all(commits)
  t.equal(storage.waiting, 0)
})

t.test('a storage process that ends is told once; all calls fail', async t => {
  const { client, engine, server, lost } = await serve(t)
  engine.get = () => new Promise(() => {})
  const { storage } = await client()
  const table = storage.table<string>('things', 'lww')
  const waiting = table.get(alice, 'k')
  const refused = t.rejects(waiting, { code: 'unavailable' })
  await storage.settled()
  await server.close()
  await refused
  await t.rejects(storage.commit([table.put(alice, 'k', 'v')]), { code: 'unavailable' })
  t.equal(lost.length, 1)
  await t.resolves(storage.close())
})

t.test('a port is done with its client when all that it had sent is stored', async t => {
  const gate = Promise.withResolvers<void>()
  const { client, engine, ports } = await serve(t)
  engine.swap = () => gate.promise.then(() => true)
  const { storage } = await client()
  const update = storage.table<number>('counts', 'cas').update(alice, 'k', () => 1)
  const closed = t.rejects(update, { code: 'closed' })
  await storage.settled()
  let gone = false
  const going = ports[0]!.gone.then(() => {
    gone = true
  })
  await storage.close()
  await closed
  await new Promise(setImmediate)
  t.notOk(gone)
  gate.resolve()
  await going
})

t.test('faults of the engine are told as such; nonsense ends the connection', async t => {
  const { client, engine, path } = await serve(t)
  engine.get = async () => {
    throw new TypeError('a secret')
  }
  const { storage } = await client()
  const read = storage.table('things', 'lww').get(alice, 'k')
  await t.rejects(read, { code: 'unavailable', message: 'a fault in the storage process' })
  const socket = connect(path)
  socket.on('error', () => {})
  socket.end(pack([1, 99], new Payloads()))
  await new Promise(resolve => socket.on('close', resolve))
  await t.resolves(storage.settled(), 'others are served')
})

t.test('nobody there', async t => {
  const path = socketPath(t)
  await t.rejects(connectStorage({ path, clock }), { code: 'unavailable' })
  const parts = { engine: memoryEngine({ clock }), ephemeral: memoryEphemeral(clock) }
  await t.rejects(StorageServer.open(join(path, 'deeper'), parts), { code: 'unavailable' })
})
