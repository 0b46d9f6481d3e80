/** The reader against libexpat, in short; `npm run fuzz` runs a million cases. */
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { fuzz } from './reader-expat.ts'

const FULL = process.env.TIDINGS_FULL !== undefined
const CASES = FULL ? 1_000_000 : 10_000
/** The short run is the same each time; the long one is not. */
const SEED = FULL ? Date.now() % 1_000_000 : 1

const python = spawnSync('python3', ['-c', 'import pyexpat']).status === 0

t.test('reader and libexpat agree', { skip: python ? false : 'no python3 with pyexpat' }, async t => {
  t.setTimeout(15 * 60_000)
  const { cases, accepted, failures } = await fuzz(CASES, SEED)
  t.comment(`${cases} cases, seed ${SEED}, ${accepted} accepted`)
  t.ok(accepted > cases / 10, 'many documents are accepted')
  t.strictSame(failures, [])
})
