import t from 'tap'
import { createLogger } from '../../src/cli/logger.ts'
import { TidingsError } from '../../src/core/errors.ts'

function logger(level: string) {
  const lines: Record<string, unknown>[] = []
  return { lines, log: createLogger(level, { write: line => void lines.push(JSON.parse(line)) }) }
}

t.test('lines of JSON with level, time, code and error', async t => {
  const { lines, log } = logger('info')
  log.debug({}, 'unseen')
  log
    .child({ host: 'a.example' })
    .error({ code: 'TIDINGS_X', err: new TidingsError('TIDINGS_Y', 'why') }, 'what')
  t.match(lines, [
    {
      level: 'error',
      time: /^\d{4}-\d\d-\d\dT.*Z$/,
      host: 'a.example',
      code: 'TIDINGS_X',
      err: { code: 'TIDINGS_Y', message: 'why', stack: String },
      msg: 'what',
    },
  ])
  t.equal(lines.length, 1)
})

t.test('what is secret does not get through, should somebody log it', async t => {
  const { lines, log } = logger('info')
  log.info(
    { password: 'hunter2', account: { secret: 'hunter2', jid: 'a@b' }, message: { body: 'hunter2' } },
    'oops',
  )
  const err = Object.assign(new Error('why'), { stanza: 'hunter2', body: 'hunter2' })
  log.child({ host: 'a.example' }).error({ code: 'TIDINGS_X', err }, 'what errors carry too')
  t.notMatch(JSON.stringify(lines), /hunter2/)
  t.match(lines, [{ password: '[not logged]', account: { secret: '[not logged]', jid: 'a@b' } }])
})

t.test('the level can change, also for those who have a child of the log', async t => {
  const { lines, log } = logger('info')
  const child = log.child({ host: 'a.example' })
  log.setLevel('debug')
  log.debug({}, 'one')
  child.debug({}, 'two')
  log.setLevel('error')
  child.info({}, 'unseen')
  t.match(lines, [{ msg: 'one' }, { msg: 'two', host: 'a.example' }])
  t.equal(lines.length, 2)
})
