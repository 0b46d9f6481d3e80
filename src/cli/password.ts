/** Passwords from people and from pipes; never shown. */
import { createInterface } from 'node:readline'
import { TidingsError } from '../core/errors.ts'
import type { Terminal } from './terminal.ts'

/** Asks for a new password, twice, without showing it; where nobody types, takes the first line of the input. */
export async function newPassword(terminal: Terminal): Promise<string> {
  if (!terminal.input.isTTY) return firstLine(terminal)
  const password = await typed(terminal, 'Password: ')
  if ((await typed(terminal, 'Once more: ')) !== password)
    throw new TidingsError('TIDINGS_PASSWORD_MISTYPED', 'the two passwords are not the same: try again')
  return password
}

async function firstLine({ input }: Terminal): Promise<string> {
  const lines = createInterface({ input })
  for await (const line of lines) return line
  throw new TidingsError(
    'TIDINGS_PASSWORD_MISSING',
    'no password was given: write --password, or a line on standard input',
  )
}

const ENTER = /[\r\n]/
const CTRL_C = '\x03'
const CTRL_D = '\x04'
const ERASE = ['\x7f', '\b']

/** One line typed in raw mode, which shows nothing. */
function typed({ input, err }: Terminal, prompt: string): Promise<string> {
  err(prompt)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const characters: string[] = []
  const key = (character: string): void => {
    if (ENTER.test(character)) resolve(characters.join(''))
    else if (character === CTRL_C || character === CTRL_D)
      reject(new TidingsError('TIDINGS_INTERRUPTED', 'no password was given'))
    else if (ERASE.includes(character)) characters.pop()
    else characters.push(character)
  }
  const read = (text: string): void => {
    for (const character of text) key(character)
  }
  input.setEncoding('utf8')
  input.setRawMode?.(true)
  input.on('data', read).resume()
  return promise.finally(() => {
    input.off('data', read).pause()
    input.setRawMode?.(false)
    err('\n')
  })
}
