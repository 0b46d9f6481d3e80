import { EventEmitter } from 'node:events'
import t from 'tap'
import { TidingsError } from '../../src/core/errors.ts'
import { type Answers, type Channel, Peer } from '../../src/workers/peer.ts'

type Numbers = {
  double: { readonly ask: number; readonly answer: number }
  fail: { readonly ask: string; readonly answer: null }
}

/** Two ends of a channel that copies as processes do. */
function channel(): [Channel, Channel] {
  const [one, other] = [new EventEmitter(), new EventEmitter()]
  const to = (end: EventEmitter): Channel =>
    Object.assign(end === one ? other : one, {
      send: (message: unknown) => setImmediate(() => end.emit('message', structuredClone(message))),
    })
  return [to(one), to(other)]
}

const answers: Answers<Numbers> = {
  double: async n => 2 * n,
  fail: async code => {
    throw code === '' ? new TypeError('a fault') : new TidingsError(code, 'not now')
  },
}

t.test('both ends ask and answer; errors keep their code', async t => {
  const [here, there] = channel()
  const one = new Peer<Numbers, Numbers>(here, answers)
  const other = new Peer<Numbers, Numbers>(there, answers)
  t.strictSame(
    await Promise.all([one.ask('double', 1), other.ask('double', 2), one.ask('double', 3)]),
    [2, 4, 6],
  )
  await t.rejects(one.ask('fail', 'TIDINGS_X'), { code: 'TIDINGS_X', message: 'not now' })
  await t.rejects(one.ask('fail', ''), { code: 'TIDINGS_UNEXPECTED', message: 'a fault' })
})

t.test('whoever waits for an end that has gone is told', async t => {
  const [here] = channel()
  const peer = new Peer<Numbers, Numbers>(here, answers)
  const waiting = t.rejects(peer.ask('double', 1), { code: 'TIDINGS_GONE' })
  peer.end(new TidingsError('TIDINGS_GONE', 'gone'))
  await waiting
})
