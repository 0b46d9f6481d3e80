import t from 'tap'
import { Metrics } from '../../src/core/metrics.ts'

t.test('a histogram counts each duration in the bucket of its bound', async t => {
  const clock = { time: 100, monotonic: () => clock.time }
  const histogram = new Metrics(clock).histogram('a_seconds', 'a')
  const { bounds, counts } = histogram
  histogram.observe(0)
  histogram.observe(0.01)
  histogram.observe(0.011)
  histogram.observe(1e9)
  t.strictSame([counts[0], counts[1], counts.at(-1)], [2, 1, 1], 'a bound belongs to its own bucket')
  t.equal(counts.length, bounds.length + 1)
  t.equal(histogram.sum, 1e9 + 0.021)

  clock.time = 103
  histogram.since(100)
  t.equal(counts[bounds.indexOf(5)], 1, '3 ms')
  const work = Promise.withResolvers<string>()
  const timed = histogram.timed(work.promise)
  clock.time = 143
  work.resolve('done')
  t.equal(await timed, 'done')
  t.equal(counts[bounds.indexOf(50)], 1, '40 ms')
  await t.rejects(histogram.timed(Promise.reject(new Error('no'))), { message: 'no' })
  t.equal(
    counts.reduce((sum, count) => sum + count, 0),
    7,
    'what fails took its time too',
  )
})

t.test('one name, one kind, each set of labels once', async t => {
  const metrics = new Metrics({ monotonic: () => 0 })
  metrics.counter('a_total', 'a', { kind: 'x' })
  metrics.gauge('b', 'b', () => 1)
  metrics.counter('a_total', 'a', { kind: 'y' })
  t.throws(() => metrics.counter('a_total', 'a', { kind: 'x' }), /declared twice/)
  t.throws(() => metrics.gauge('a_total', 'a', () => 1, { kind: 'z' }), /declared twice/)
  t.strictSame(
    metrics.all.map(({ name }) => name),
    ['a_total', 'a_total', 'b'],
    'those of one name together',
  )
})
