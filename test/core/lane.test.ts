import t from 'tap'
import { Lane } from '../../src/core/lane.ts'

function deferred<T>() {
  return Promise.withResolvers<T>()
}

t.test('a task runs at once and synchronously while nothing waits', async t => {
  const lane = new Lane()
  t.equal(
    lane.run(() => 7),
    7,
  )
  t.equal(lane.waiting, 0)
  t.equal(lane.idle(), undefined)
})

t.test('a task waits for all earlier ones, also for those that fail', async t => {
  const lane = new Lane()
  const order: string[] = []
  const first = deferred<void>()
  const one = lane.run(() => first.promise.then(() => void order.push('one')))
  const two = lane.run(() => {
    order.push('two')
    throw new Error('two fails')
  })
  const three = lane.run(() => void order.push('three'))
  t.equal(lane.waiting, 3)
  t.same(order, [])
  first.resolve()
  await one
  await t.rejects(Promise.resolve(two), { message: 'two fails' })
  await three
  t.same(order, ['one', 'two', 'three'])
  await lane.idle()
  t.equal(lane.waiting, 0)
})

t.test('a synchronous task that throws leaves the lane usable', async t => {
  const lane = new Lane()
  t.throws(() =>
    lane.run(() => {
      throw new Error('no')
    }),
  )
  t.equal(
    lane.run(() => 'yes'),
    'yes',
  )
})

t.test('idle() resolves when what was put in before has settled, even if it failed', async t => {
  const lane = new Lane()
  const gate = deferred<void>()
  const failing = Promise.resolve(lane.run(() => gate.promise))
  failing.catch(() => {})
  const idle = lane.idle()
  gate.reject(new Error('no'))
  await idle
  await t.rejects(failing)
})

t.test('after waiting, the lane is synchronous again', async t => {
  const lane = new Lane()
  await lane.run(async () => 1)
  t.equal(
    lane.run(() => 2),
    2,
  )
})
