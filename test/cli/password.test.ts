/** Passwords from a terminal and from a pipe. */
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { newPassword } from '../../src/cli/password.ts'

/** A terminal on which these keys are pressed. */
function typing(...keys: string[]) {
  const raw: boolean[] = []
  const shown: string[] = []
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) })
  const terminal = {
    out: () => {},
    err(text: string) {
      shown.push(text)
      // Answered as soon as it is asked.
      if (text.endsWith(': ')) setImmediate(() => input.write(keys.shift()))
    },
    input,
    live: true,
  }
  return { terminal, shown, raw }
}

t.test('typed twice, never shown', async t => {
  const { terminal, shown, raw } = typing('secrex\x7ft\r', 'secret\n')
  t.equal(await newPassword(terminal), 'secret')
  t.strictSame(shown, ['Password: ', '\n', 'Once more: ', '\n'])
  t.strictSame(raw, [true, false, true, false], 'echo is off while typing, and only then')
})

t.test('characters beyond ASCII count as one', async t => {
  const { terminal } = typing('pä€\x7f\b😀x\r', 'p😀x\r')
  t.equal(await newPassword(terminal), 'p😀x')
})

t.test('two that differ', async t => {
  const { terminal } = typing('a\r', 'b\r')
  await t.rejects(newPassword(terminal), { code: 'TIDINGS_PASSWORD_MISTYPED' })
})

t.test('Ctrl-C and Ctrl-D', async t => {
  for (const key of ['\x03', '\x04']) {
    const { terminal, raw } = typing(key)
    await t.rejects(newPassword(terminal), { code: 'TIDINGS_INTERRUPTED' })
    t.strictSame(raw, [true, false])
  }
})

t.test('from a pipe: the first line', async t => {
  const piped = (text: string) => ({ out() {}, err() {}, input: Readable.from([text]), live: false })
  t.equal(await newPassword(piped('one two \nthree')), 'one two ')
  t.equal(await newPassword(piped('\n')), '')
  await t.rejects(newPassword(piped('')), { code: 'TIDINGS_PASSWORD_MISSING' })
})
