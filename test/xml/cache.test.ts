import t from 'tap'
import { growingCache } from '../../src/xml/cache.ts'

t.test('a cache forgets what was not used for long', async t => {
  const cache = growingCache<number, string>(10)
  const kept = () => Array.from({ length: 200 }, (_, key) => key).filter(key => cache.has(key))
  for (let key = 0; key < 100; key++) {
    cache.set(key, `value ${key}`)
    t.equal(cache.get(0), 'value 0', 'what is used stays')
    t.ok(kept().length <= 10, 'no more than it may hold')
    for (let last = Math.max(0, key - 3); last <= key; last++)
      t.ok(cache.has(last), 'the last ones are there')
  }
  t.equal(cache.get(50), undefined)
})

t.test('an entry is there once, wherever it is', async t => {
  const cache = growingCache<string, number>(4)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('a', 3)
  t.equal(cache.get('a'), 3)
  t.ok(cache.delete('a'))
  t.ok(cache.delete('b'))
  t.notOk(cache.delete('a'))
  t.same([cache.get('a'), cache.has('b')], [undefined, false])
})

t.test('the smallest one holds one entry', async t => {
  const cache = growingCache<string, number>(1)
  cache.set('a', 1)
  t.equal(cache.get('a'), 1)
  cache.set('b', 2)
  t.same([cache.get('a'), cache.get('b')], [undefined, 2])
})

t.test('it tells its keys, each once, and forgets them all', async t => {
  const cache = growingCache<number, number>(8)
  for (const key of [1, 2, 3, 4, 5, 1]) cache.set(key, key)
  t.same(cache.keys().sort(), [1, 2, 3, 4, 5])
  cache.clear()
  t.same([cache.keys(), cache.get(1)], [[], undefined])
})
