import t from 'tap'
import { SaslError } from '../../src/auth/sasl.ts'
import { SignInQueue } from '../../src/c2s/sign-in-queue.ts'
import { Metrics } from '../../src/core/metrics.ts'
import { ManualClock } from '../support/clock.ts'

/** A queue whose clients write down who has begun. */
function queued({ perSecond = 10, waitSeconds = 2 } = {}) {
  const clock = new ManualClock()
  const metrics = new Metrics(clock)
  let relieved: PromiseWithResolvers<void> | undefined
  const queue = new SignInQueue({ perSecond, waitSeconds }, clock, metrics, () => relieved?.promise)
  const begun: number[] = []
  const failed: SaslError[] = []
  const arrive = (client: number): void => {
    try {
      const turn = queue.turn()
      if (turn === undefined) begun.push(client)
      else void turn.then(() => begun.push(client))
    } catch (error) {
      if (!(error instanceof SaslError)) throw error
      failed.push(error)
    }
  }
  const read = (name: string) => {
    const metric = metrics.all.find(metric => metric.name === name)
    return metric?.kind === 'gauge' ? metric.read() : metric?.kind === 'counter' ? metric.counter.value : -1
  }
  return {
    queue,
    clock,
    begun,
    failed,
    read,
    /** Many clients, one behind the other. */
    arrive: (from: number, to: number) => {
      for (let client = from; client <= to; client++) arrive(client)
    },
    press: () => {
      relieved = Promise.withResolvers()
    },
    relieve: () => {
      relieved?.resolve()
      relieved = undefined
    },
    pass: async (ms: number) => {
      clock.advance(ms)
      await new Promise(setImmediate)
    },
  }
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

t.test("a second's worth begins at once, the others in line as fast as is allowed", async t => {
  const { arrive, begun, pass, read } = queued()
  await pass(5_000)
  arrive(1, 25)
  t.strictSame(begun, numbers(1, 11), 'the first of the next second is on time, too')
  t.equal(read('tidings_sign_ins_waiting'), 14)
  await pass(500)
  t.strictSame(begun, numbers(1, 16))
  arrive(26, 26)
  await pass(1_000)
  t.strictSame(begun, numbers(1, 26), 'in the order they came')
  t.equal(read('tidings_sign_ins_waiting'), 0)
})

t.test('RFC 6120 §6.5.10: who would wait too long is told to come back, and takes no place', async t => {
  const { arrive, begun, failed, pass, read } = queued()
  await pass(5_000)
  arrive(1, 100)
  t.strictSame(begun, numbers(1, 11))
  t.equal(failed.length, 69, 'two seconds are twenty places')
  t.equal(failed[0]?.condition, 'temporary-auth-failure')
  t.match(failed[0]?.text, /Try again in 3 seconds/)
  t.equal(read('tidings_sign_ins_refused_total'), 69)
  await pass(2_000)
  t.strictSame(begun, numbers(1, 31))
  arrive(200, 200)
  await pass(100)
  t.equal(begun.at(-1), 200)
})

t.test('nobody begins while the storage is behind', async t => {
  const { arrive, begun, pass, press, relieve } = queued()
  await pass(5_000)
  press()
  arrive(1, 3)
  await pass(10_000)
  t.strictSame(begun, [])
  relieve()
  await pass(0)
  t.strictSame(begun, [1, 2, 3])
  arrive(4, 4)
  t.strictSame(begun, [1, 2, 3, 4])
})

t.test('without a limit everybody begins at once', async t => {
  const { arrive, begun, queue } = queued({
    perSecond: Number.POSITIVE_INFINITY,
    waitSeconds: Number.POSITIVE_INFINITY,
  })
  arrive(1, 1_000)
  t.equal(begun.length, 1_000)
  queue.limits = { perSecond: 10, waitSeconds: 0 }
  arrive(1_001, 2_000)
  t.ok(begun.length < 1_020, 'a limit that comes later holds at once')
})
