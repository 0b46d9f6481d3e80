/** docs/protocol/backup.md: parts in any order and again, replaced at once, against a model. */
import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import backups from '../../src/extensions/backups/index.ts'
import { PART } from '../../src/extensions/backups/store.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { core } from '../support/core.ts'

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

function client(nodes: number) {
  const { session, settled, storage } = core({ nodes, extensions: [backups] })
  const alice = session('alice', '1', nodes - 1)
  let id = 0
  const ask = async (type: string, name: string, attrs: Record<string, string>, text = '') => {
    const who = await alice
    await who.send('iq', { type, id: `q${++id}` }, xml(name, { xmlns: NS.backup, ...attrs }, text))
    await settled()
    return who.received.splice(0).join('')
  }
  const begin = async (name: string, bytes: Buffer): Promise<string> => {
    const answer = await ask('set', 'begin', { name, bytes: String(bytes.length) })
    return / version="([^"]+)"/.exec(answer)![1]!
  }
  const put = (version: string, bytes: Buffer, index: number) =>
    ask(
      'set',
      'part',
      { version, index: String(index) },
      bytes.subarray(index * PART, (index + 1) * PART).toString('base64'),
    )
  const finish = (version: string, bytes: Buffer) => ask('set', 'finish', { version, sha256: sha(bytes) })
  const read = async (name: string): Promise<Buffer | undefined> => {
    const list = await ask('get', 'backups', {})
    const [, version, parts] =
      new RegExp(` name="${name}" version="([^"]+)"[^>]* parts="(\\d+)"`).exec(list) ?? []
    if (version === undefined) return undefined
    const all: Buffer[] = []
    for (let index = 0; index < Number(parts); index++) {
      const answer = await ask('get', 'part', { name, version, index: String(index) })
      all.push(Buffer.from(/>([A-Za-z0-9+/=]*)<\/part>/.exec(answer)?.[1] ?? '', 'base64'))
    }
    return Buffer.concat(all)
  }
  return { begin, put, finish, read, storage }
}

for (const nodes of [1, 2])
  t.test(`large ones, parts in any order and again, on ${nodes} node(s)`, async t => {
    const { begin, put, finish, read } = client(nodes)
    for (const length of [1, PART - 1, PART, PART + 1, 3 * PART + 17]) {
      const bytes = randomBytes(length)
      const version = await begin('all', bytes)
      const parts = Array.from({ length: Math.ceil(length / PART) }, (_, i) => i)
      for (const index of [...parts.toReversed(), parts[0]!])
        t.match(await put(version, bytes, index), 'type="result"')
      t.match(await finish(version, bytes), sha(bytes))
      t.ok((await read('all'))?.equals(bytes), `${length} bytes`)
    }
  })

type Step = { readonly name: 'a' | 'b'; readonly size: number; readonly ends: 'whole' | 'broken' | 'wrong' }

t.test('whatever is broken off, the one before is there', async t => {
  const step = fc.record({
    name: fc.constantFrom('a' as const, 'b' as const),
    size: fc.integer({ min: 1, max: 2 * PART }),
    ends: fc.constantFrom('whole' as const, 'broken' as const, 'wrong' as const),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps: readonly Step[]) => {
      const { begin, put, finish, read } = client(1)
      const model = new Map<string, Buffer>()
      for (const { name, size, ends } of steps) {
        const bytes = randomBytes(size)
        const version = await begin(name, bytes)
        const parts = Math.ceil(size / PART)
        for (let index = 0; index < (ends === 'broken' ? parts - 1 : parts); index++)
          await put(version, bytes, index)
        if (ends === 'wrong') t.match(await finish(version, randomBytes(5)), '<not-acceptable ')
        else if (ends === 'broken') t.match(await finish(version, bytes), '<unexpected-request ')
        else {
          await finish(version, bytes)
          model.set(name, bytes)
        }
        for (const one of ['a', 'b'])
          t.equal((await read(one))?.toString('hex'), model.get(one)?.toString('hex'))
      }
    }),
    { numRuns: 30 },
  )
})

t.test('nothing is left of what was replaced', async t => {
  const { begin, put, finish, storage } = client(1)
  const bytes = randomBytes(PART + 1)
  for (let round = 0; round < 3; round++) {
    const version = await begin('x', bytes)
    for (const index of [0, 1]) await put(version, bytes, index)
    t.match(await finish(version, bytes), 'type="result"')
  }
  const owner = JID.parse('alice@localhost')
  t.equal((await storage.table('backup-parts', 'lww').page(owner)).items.length, 2)
  t.equal((await storage.table('backup-uploads', 'lww').page(owner)).items.length, 0)
})
