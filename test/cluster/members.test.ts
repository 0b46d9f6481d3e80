import t from 'tap'
import { Members } from '../../src/cluster/redis/members.ts'
import type { Sight } from '../../src/cluster/redis/registry.ts'

const LEASE = 8_000

/** What Redis says when `other` has told of this beat. */
function sight(beat: number): Sight {
  const record = { beat, address: '127.0.0.1:1', draining: false, unreachable: [] }
  return {
    run: 'run',
    settledRun: 'run',
    version: '1',
    buried: false,
    members: new Map([['other', { record, text: `beat ${beat}` }]]),
    table: undefined,
  }
}

t.test('a beat that was heard counts from then, not from when Redis tells of it again', async t => {
  const members = new Members('own', LEASE)
  members.take(sight(1), 0, true)
  members.heard('other', 2, 1_000)
  members.take(sight(2), 2_900, true)
  t.strictSame(members.silent(1_000 + LEASE - 1), [])
  t.strictSame(members.silent(1_000 + LEASE), [['other', 'beat 2']])
})

t.test('a beat that was not heard counts from when Redis tells of it', async t => {
  const members = new Members('own', LEASE)
  members.take(sight(1), 0, true)
  members.take(sight(3), 2_900, true)
  members.heard('other', 2, 3_000)
  t.strictSame(members.silent(2_900 + LEASE - 1), [])
  t.strictSame(members.silent(2_900 + LEASE), [['other', 'beat 3']])
})
