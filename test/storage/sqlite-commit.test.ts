/** How commits reach the writer and what it does with a group, without threads. */
import t from 'tap'
import { CommitQueue } from '../../src/storage/sqlite/commit-queue.ts'
import { openForWriting } from '../../src/storage/sqlite/database.ts'
import {
  decodeGroup,
  encodeGroup,
  type GroupMessage,
  type Outcome,
  type PackedAppend,
  type PackedOperation,
  type WriterOperation,
} from '../../src/storage/sqlite/group-message.ts'
import { packOutcomes, unpackOutcomes } from '../../src/storage/sqlite/group-outcomes.ts'
import { GroupWindow } from '../../src/storage/sqlite/group-window.ts'
import { GroupWriter } from '../../src/storage/sqlite/group-writer.ts'
import { Names } from '../../src/storage/sqlite/names.ts'
import { WriteBehind } from '../../src/storage/sqlite/write-behind.ts'
import type { ToWriter } from '../../src/storage/sqlite/writer-message.ts'
import { StorageError } from '../../src/storage/types.ts'

const put = (key: string, json = '1'): WriterOperation => ({
  kind: 'put',
  table: 't',
  owner: 'o',
  key,
  json,
  expires: null,
})
const append = (payload: Uint8Array, owner = 'o', key?: string): WriterOperation => ({
  kind: 'append',
  archive: 'a',
  owner,
  peer: 'p/r',
  payload,
  unread: owner === 'o',
  counted: owner === 'o' ? 'peer' : 'owner',
  key,
  unless: key === undefined ? [] : [key, 'other'],
})
/** As they arrive at the writer. */
const packed = (commits: readonly (readonly WriterOperation[])[]) => decodeGroup(encodeGroup(commits, 0))
const STORED = { given: [], repeated: false, swapped: true }
const tick = () => new Promise<void>(resolve => setImmediate(resolve))

t.test('outcomes cross between the threads as they are', async t => {
  const given = [2 ** 52 + 1, 1, 0, 2 ** 52 + 2, 70_000, 3]
  const outcomes: Outcome[] = [
    { error: { code: 'full', text: 'no space' } },
    { given, repeated: false, swapped: true },
    { given: [], repeated: false, swapped: false },
    { error: { code: 'invalid', text: 'other' } },
    { given: given.slice(3), repeated: true, swapped: true },
  ]
  t.same(unpackOutcomes(structuredClone(packOutcomes(outcomes))), outcomes)
  t.same(unpackOutcomes(packOutcomes([])), [])
})

t.test('a group arrives as it was sent', async t => {
  const shared = Buffer.from('shared')
  const commits: WriterOperation[][] = [
    [put('k', '"text"'), { kind: 'delete', of: 'mark', table: 't', owner: 'o', keys: ['', '\u{1f642}'] }],
    [],
    [append(shared), append(Buffer.alloc(0)), append(shared, 'q'), append(Buffer.alloc(0))],
    [append(shared), { ...put('x'), expires: 5 } as WriterOperation],
    [{ kind: 'raise', table: 't', owner: 'o', key: 'k', json: '"1"' }],
    [
      { kind: 'replace', archive: 'a', owner: 'o', id: 7n, payload: shared },
      append(Buffer.from('k'), 'o', 'k'),
    ],
    [{ kind: 'replace', archive: 'a', owner: 'o', id: 2n ** 60n, payload: Buffer.alloc(0) }],
    [{ kind: 'swap', table: 't', owner: 'o', key: 'k', expected: undefined, json: '1' }],
    [{ kind: 'swap', table: 't', owner: 'o', key: 'k', expected: '1', json: undefined }],
  ]
  const message = encodeGroup(commits, 42)
  const decoded = decodeGroup(structuredClone(message, { transfer: [message.bytes.buffer] }))
  t.equal(message.now, 42)
  /** What must arrive of an operation. */
  const plain = (operation: WriterOperation | PackedOperation) => {
    if (operation.kind === 'replace')
      return {
        ...operation,
        id: Number(operation.id) % 2 ** 53,
        payload: Buffer.from(operation.payload).toString(),
      }
    if (operation.kind !== 'append') return operation
    const { archive, owner, peer, payload, unread, key, unless } = operation
    const byOwner = 'byOwner' in operation ? operation.byOwner : operation.counted === 'owner'
    const text = Buffer.from(payload).toString()
    return { archive, owner, peer, text, unread, byOwner, keyed: key !== undefined, unless: unless.length }
  }
  t.strictSame(
    decoded.map(commit => commit.map(plain)),
    commits.map(commit => commit.map(plain)),
  )
  const keyed = decoded[5]![1]! as PackedAppend
  t.strictSame(keyed.unless[0], keyed.key, 'the same key again')
  t.notSame(keyed.unless[1], keyed.key, 'and another one')
  const payloads = decoded[2]!.map(operation => operation.kind === 'append' && operation.payload)
  t.equal(payloads[0], payloads[2], 'a shared payload is shared again')
  t.not(payloads[1], payloads[3], 'empty ones are not mixed up')
})

/** A queue whose writer is the test. */
function setUp() {
  const sent: ToWriter[] = []
  const queue = new CommitQueue(message => sent.push(message), { now: () => 7 })
  const groups = () => sent.filter((message): message is GroupMessage => message.kind === 'group')
  const sizes = () => groups().map(group => decodeGroup(group).length)
  const stored = () => queue.onGroup(decodeGroup(groups().at(-1)!).map(() => STORED))
  return { queue, sent, sizes, stored }
}

t.test('commits of a tick are one group; the next one gathers while it is stored', async t => {
  const { queue, sent, sizes, stored } = setUp()
  const first = [queue.commit([put('a')]), queue.commit([put('b')])]
  t.equal(sent.length, 0, 'nothing goes before the tick is over')
  await tick()
  t.same(sizes(), [2])
  const second = Array.from({ length: 20 }, (_, n) => queue.commit([put(`c${n}`)]))
  await tick()
  t.same(sizes(), [2], 'one group at a time')
  stored()
  await Promise.all(first)
  await tick()
  t.same(sizes(), [2, 20])
  stored()
  await Promise.all(second)
  await queue.drained()
})

t.test('a group is bounded in commits and bytes', async t => {
  const { queue, sizes, stored } = setUp()
  const commits = Array.from({ length: 2500 }, (_, n) => queue.commit([put(`${n}`)]))
  commits.push(...Array.from({ length: 4 }, () => queue.commit([put('big', 'x'.repeat(1_500_000))])))
  for (let n = 0; n < 5; n++) {
    await tick()
    stored()
  }
  await Promise.all(commits)
  t.same(sizes(), [1000, 1000, 502, 2])
})

t.test('jobs keep their place among the commits', async t => {
  const { queue, sent, stored } = setUp()
  const order: string[] = []
  const note = (name: string) => () => void order.push(name)
  const all = [
    queue.commit([put('a')]).then(note('a')),
    queue.run({ task: 'forget', owner: 'o' }).then(note('job 1')),
    queue.run({ task: 'forget', owner: 'p' }).then(note('job 2'), note('job 2 failed')),
    queue.commit([put('b')]).then(note('b')),
  ]
  await tick()
  t.same(
    sent.map(({ kind }) => kind),
    ['group'],
  )
  stored()
  await tick()
  t.same(
    sent.map(({ kind }) => kind),
    ['group', 'job', 'job', 'group'],
  )
  queue.onJob(2, new StorageError('full', 'full'))
  queue.onJob(1, undefined)
  stored()
  await Promise.all(all)
  t.same(order, ['a', 'job 2 failed', 'job 1', 'b'])
})

t.test('results find their commits, in order', async t => {
  const { queue } = setUp()
  const order: string[] = []
  const commits = ['a', 'b', 'c'].map(key =>
    queue.commit([put(key)]).then(
      ({ given }) => order.push(`${key} ${given.map(({ id, sequence, unread }) => [id, sequence, unread])}`),
      (error: StorageError) => order.push(`${key} ${error.code} ${error instanceof StorageError}`),
    ),
  )
  await tick()
  queue.onGroup([
    { ...STORED, given: [1, 2, 0, 1, 5, 3] },
    { error: { code: 'too-large', text: '' } },
    { ...STORED, given: [2, 7, 1] },
  ])
  await Promise.all(commits)
  t.same(order, ['a 1,2,0,1,5,3', 'b too-large true', 'c 2,7,1'])
})

t.test('too much in line: first a request to pause, then refusal', async t => {
  const { queue, stored } = setUp()
  const commits: Promise<unknown>[] = []
  t.equal(queue.pressure(), undefined)
  while (queue.pressure() === undefined) commits.push(queue.commit([put('k')]))
  t.equal(commits.length, 10_000)
  let relieved = false
  void queue.pressure()?.then(() => {
    relieved = true
  })
  while (commits.length < 100_000) commits.push(queue.commit([put('k')]))
  await t.rejects(queue.commit([put('k')]), { code: 'overloaded', retryable: true })
  while (!relieved) {
    await tick()
    stored()
  }
  t.equal(queue.pressure(), undefined)
  const drained = queue.drained()
  for (let n = 0; n < 10; n++) {
    await tick()
    stored()
  }
  await drained
  await Promise.all(commits)
})

t.test('bytes count too', async t => {
  const { queue } = setUp()
  const megabyte = new Uint8Array(1_000_000)
  for (let n = 0; n < 16; n++) void queue.commit([append(megabyte)]).catch(() => undefined)
  t.equal(queue.pressure(), undefined)
  void queue.commit([append(megabyte)]).catch(() => undefined)
  t.ok(queue.pressure())
  for (let n = 17; n < 134; n++) void queue.commit([append(megabyte)]).catch(() => undefined)
  await t.rejects(queue.commit([append(megabyte)]), { code: 'overloaded' })
})

t.test('when the writer is gone everything fails, now and later', async t => {
  const { queue } = setUp()
  const gone = new StorageError('unavailable', 'gone')
  const waiting = [queue.commit([put('a')]), queue.run({ task: 'settle', now: 0 })]
  await tick()
  waiting.push(queue.commit([put('b')]))
  const outcomes = Promise.allSettled(waiting)
  queue.fail(gone)
  t.same(
    (await outcomes).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  await t.rejects(queue.commit([put('c')]), gone)
  await t.rejects(queue.run({ task: 'settle', now: 0 }), gone)
  await t.resolves(queue.drained())
})

t.test('the end does not wait for jobs, which can take long', async t => {
  const { queue, stored } = setUp()
  const closed = new StorageError('closed', 'closed')
  const begun = queue.run({ task: 'forget', owner: 'o' })
  const commit = queue.commit([put('a')])
  await tick()
  const waiting = queue.run({ task: 'forget', owner: 'p' })
  const drained = queue.drained()
  stored()
  await Promise.all([commit, drained])
  const rejections = [t.rejects(begun, closed), t.rejects(waiting, closed)]
  queue.fail(closed)
  await Promise.all(rejections)
})

t.test('a group waits for company only when that pays', t => {
  const window = new GroupWindow()
  let now = 1000
  /** A commit `gap` ms after the last one; whoever sends it does or does not wait for its answer. */
  const run = (groups: number, gap: number, others: (waited: number) => number) => {
    let waits = 0
    for (let n = 0; n < groups; n++) {
      now += gap
      const wait = window.wait(1, now)
      if (wait > 0) waits++
      now += wait
      window.sent(1 + (wait > 0 ? others(wait) : 0), now)
    }
    return waits
  }
  t.equal(
    run(100, 20, () => 1),
    0,
    'quiet: at once',
  )
  t.ok(run(1000, 1, () => 0) < 20, 'closed loop: tried now and then, in vain')
  run(200, 3, waited => Math.round(waited / 3))
  t.equal(
    run(100, 3, waited => Math.round(waited / 3)),
    100,
    'open loop: always',
  )
  now += 1
  t.equal(window.wait(16, now), 0, 'enough is enough')
  window.sent(16, now)
  run(100, 1, () => 0)
  t.ok(run(1000, 1, () => 0) < 20, 'and back')
  t.end()
})

t.test('a commit that cannot be stored fails alone, whatever the reason', async t => {
  const db = openForWriting(t.testdir(), 'off')
  const behind = new WriteBehind(db, 'off')
  const writer = new GroupWriter(db, new Names(db), behind)
  const swap = (key: string, expected: string | undefined, json: string): WriterOperation => ({
    kind: 'swap',
    table: 'cas',
    owner: 'o',
    key,
    expected,
    json,
  })
  const bad = { ...put('bad'), json: null } as unknown as WriterOperation
  const payload = Buffer.from('x')
  const outcomes = writer.write(
    packed([
      [put('a'), append(payload)],
      [append(payload, 'o', 'key'), put('b'), bad],
      [swap('k', undefined, '1')],
      [swap('k', '2', '3')],
      [append(payload, 'o', 'key'), put('c')],
      [append(payload, 'o', 'key'), put('d')],
    ]),
    1000,
  )
  t.match(outcomes[0], { given: [1_024_000, 1, 1], swapped: true })
  t.match(outcomes[1], { error: { code: 'invalid' } })
  t.match(outcomes[2], { swapped: true })
  t.match(outcomes[3], { swapped: false })
  t.match(outcomes[4], { given: [1_024_001, 2, 2], repeated: false }, 'nothing of the failed one was lost')
  t.match(outcomes[5], { given: [1_024_001, 2, 2], repeated: true }, 'its key neither')
  t.same(
    db
      .prepare('SELECT key, json FROM item')
      .all()
      .map(({ key, json }) => `${key}=${json}`),
    ['a=1', 'c=1', 'k=1'],
  )
  t.equal(behind.last, 1_024_001)
  t.same(
    writer.write(packed([[bad]]), 1000),
    writer.write(packed([[bad]]), 1000),
    'alone it fails without more ado',
  )
  t.match(writer.write(packed([[{ ...put('k'), table: 'cas' } as WriterOperation]]), 0)[0], {
    error: { code: 'invalid' },
  })
  db.close()
})

t.test('when the database fails every commit of the group fails', async t => {
  const db = openForWriting(t.testdir(), 'off')
  const writer = new GroupWriter(db, new Names(db), new WriteBehind(db, 'off'))
  db.exec('PRAGMA max_page_count = 1')
  const outcomes = writer.write(packed([[put('a', `"${'x'.repeat(100_000)}"`)], [put('b')]]), 0)
  t.match(outcomes, [{ error: { code: 'full' } }, { error: { code: 'full' } }])
  db.exec('PRAGMA max_page_count = 100000')
  t.match(
    writer.write(packed([[put('a')], [put('b')]]), 0),
    [{ given: [] }, { given: [] }],
    'and succeeds when there is room again',
  )
  db.close()
})
