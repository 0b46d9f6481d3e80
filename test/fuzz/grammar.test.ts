/** The server against its own vocabulary, in short; the full run has 100,000 cases on one node and 100,000 on two. */
import t from 'tap'
import { fuzz } from './grammar.ts'

const FULL = process.env.TIDINGS_FULL !== undefined
const CASES = FULL ? 100_000 : 3_000
/** The short run is the same each time; the long one is not. */
const SEED = FULL ? Date.now() % 1_000_000 : 1

for (const nodes of [1, 2])
  t.test(
    `right errors, each request answered once, on ${nodes === 1 ? 'one node' : 'two nodes'}`,
    async t => {
      t.setTimeout(15 * 60_000)
      const { cases, byState, verdicts, failures } = await fuzz(CASES, SEED, nodes)
      t.comment(`${cases} cases, seed ${SEED}`)
      t.equal(byState.size, 5, 'every state of a stream')
      t.ok((verdicts.get('result') ?? 0) > 0, 'some requests are fine')
      t.ok((verdicts.get('before sign-in: success') ?? 0) > 0, 'some sign-ins are fine')
      t.strictSame(failures, [], `seed ${SEED}`)
    },
  )
