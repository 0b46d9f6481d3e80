import t from 'tap'
import { TokenBucket } from '../../src/c2s/token-bucket.ts'

t.test('a burst passes at once, then as much as the rate allows', async t => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 20 })
  t.equal(bucket.take(20, 5_000), 0)
  t.equal(bucket.take(1, 5_000), 100)
  t.equal(bucket.take(4, 5_000), 500, 'what was taken too early is owed')
  t.equal(bucket.take(0, 5_500), 0, 'and paid off with time')
  t.equal(bucket.take(5, 6_000), 0)
})

t.test('a pause fills it, but not above the burst', async t => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 20 })
  bucket.take(20, 0)
  t.equal(bucket.take(20, 1_000_000), 0)
  t.equal(bucket.take(10, 1_000_000), 1_000)
})

t.test('Infinity is no limit', async t => {
  const bucket = new TokenBucket({ perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY })
  t.equal(bucket.take(1e12, 0), 0)
})
