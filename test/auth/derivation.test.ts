import { pbkdf2Sync } from 'node:crypto'
import t from 'tap'
import { Derivation } from '../../src/auth/derivation.ts'

const SALT = Buffer.from('salt')

t.test('derives what PBKDF2 derives, each hash with its length', async t => {
  const derivation = new Derivation(2, 10)
  const cases = [
    ['SHA-1', 'sha1', 20],
    ['SHA-256', 'sha256', 32],
    ['SHA-512', 'sha512', 64],
  ] as const
  for (const [hash, digest, length] of cases)
    t.same(
      await derivation.saltedPassword(hash, 'word', SALT, 100),
      pbkdf2Sync('word', SALT, 100, length, digest),
    )
})

t.test('some at a time, in order; the one too many is refused, and nothing is stuck', async t => {
  const derivation = new Derivation(1, 3)
  for (const round of ['first', 'second']) {
    const done: number[] = []
    const run = async (number: number) => {
      await derivation.saltedPassword('SHA-1', `word ${number}`, SALT, 100)
      done.push(number)
    }
    const results = await Promise.allSettled([0, 1, 2, 3, 4].map(run))
    t.same(done, [0, 1, 2, 3], round)
    t.match(results[4], { status: 'rejected', reason: { code: 'TIDINGS_AUTH_BUSY' } }, round)
  }
})

t.test('a failing run gives its place to the next', async t => {
  const derivation = new Derivation(1, 3)
  const failing = derivation.saltedPassword('SHA-1', 'word', SALT, -1)
  const waiting = derivation.saltedPassword('SHA-1', 'word', SALT, 1)
  await t.rejects(failing, { code: 'ERR_OUT_OF_RANGE' })
  t.equal((await waiting).length, 20)
})
