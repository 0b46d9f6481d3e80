import t from 'tap'
import { Background } from '../../src/core/background.ts'
import { type Condition, StanzaError } from '../../src/core/errors.ts'
import { type LogDetails, silentLog } from '../../src/core/log.ts'

t.test('what fails is logged: as an error, or as a warning where it may succeed a moment later', async t => {
  const lines: string[] = []
  const log =
    (level: string) =>
    ({ code, what }: LogDetails) =>
      void lines.push(`${level} ${code} ${what}`)
  const background = new Background({ ...silentLog, warn: log('warn'), error: log('error') })
  const failing = (condition: Condition) => Promise.reject(new StanzaError(condition))
  background.run('a home that dies', failing('remote-server-timeout'))
  background.run('nobody', failing('item-not-found'))
  background.run('a fault', Promise.reject(new Error('of a test')))
  background.run('all right', Promise.resolve())
  t.equal(background.size, 4)
  await background.settled()
  t.strictSame(lines, [
    'warn TIDINGS_BACKGROUND_FAILED a home that dies',
    'error TIDINGS_BACKGROUND_FAILED nobody',
    'error TIDINGS_BACKGROUND_FAILED a fault',
  ])
  t.equal(background.size, 0)
})
