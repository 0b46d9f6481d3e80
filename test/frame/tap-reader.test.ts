import t from 'tap'
import { type FileResult, TapReader } from '../../scripts/testing/tap-reader.ts'

/** What a run of tap with two jobs prints: a file that passes, one that fails and skips, one without a test. */
const STREAM = `TAP version 14
1..3
# Subtest: test/a.test.ts
    # Subtest: adds
        ok 1 - should be equal
        1..1
    ok 1 - adds # time=1.5ms

    1..1
    # { total: 1, pass: 1 }
    # time=4ms
ok 1 - test/a.test.ts # time=4.25ms

# Subtest: test/b.test.ts
    # Subtest: subtracts
        ok 1 - should be equal
        not ok 2 - should be equal
          ---
          diff: |
            -1
            +2
          ...
        1..2
    not ok 1 - subtracts # time=2ms
      ---
      at: somewhere
      ...
    ok 2 - talks to a client # SKIP no client here
    1..2
not ok 2 - test/b.test.ts # time=1000ms
  ---
  exitCode: 1
  ...

# Subtest: test/c.test.ts
    1..0 # no tests found
ok 3 - test/c.test.ts # SKIP no tests found

# { total: 4, pass: 2, fail: 1, skip: 2 }
# time=1200ms
`

function read(stream: string): { reader: TapReader; results: FileResult[] } {
  const reader = new TapReader()
  return { reader, results: stream.split('\n').flatMap(line => reader.push(line) ?? []) }
}

t.test('tells of each file what failed and why, and what was skipped', async t => {
  const { results } = read(STREAM)
  t.same(
    results.map(({ file, ok, milliseconds, skips }) => ({ file, ok, milliseconds, skips })),
    [
      { file: 'test/a.test.ts', ok: true, milliseconds: 4.25, skips: [] },
      {
        file: 'test/b.test.ts',
        ok: false,
        milliseconds: 1000,
        skips: [{ test: 'talks to a client', reason: 'no client here' }],
      },
      {
        file: 'test/c.test.ts',
        ok: true,
        milliseconds: 0,
        skips: [{ test: 'all', reason: 'no tests found' }],
      },
    ],
  )
  t.same(results[0]?.failures, [])
  t.same(results[1]?.failures, [
    '        not ok 2 - should be equal',
    '          ---',
    '          diff: |',
    '            -1',
    '            +2',
    '          ...',
    '    not ok 1 - subtracts # time=2ms',
    '      ---',
    '      at: somewhere',
    '      ...',
  ])
})

t.test('totals are those of the whole run, and none if it broke off', async t => {
  t.same(read(STREAM).reader.totals, { passed: 2, failed: 1, skipped: 2 })
  t.equal(read(STREAM.slice(0, 600)).reader.totals, undefined)
})
