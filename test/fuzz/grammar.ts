/**
 * The server against its own vocabulary: `node test/fuzz/grammar.ts [--cases 100000] [--seed 1] [--nodes 1]`
 *
 * Every namespace the server knows, with missing, extra and wrong attributes and children, in every state of a stream, over loopback
 * sockets. The server stays up and its memory flat, each request is answered exactly once and by the right error, and a stream ends
 * only where it may and in order. All of it is well-formed XML: what is not is the business of reader-expat.ts.
 */
import { parseArgs } from 'node:util'
import { BATCH, Run, type Summary } from './grammar-run.ts'

/** Runs random cases. */
export async function fuzz(
  cases: number,
  seed: number,
  nodes = 1,
  progress: (done: number) => void = () => {},
): Promise<Summary> {
  const run = await Run.start(seed, nodes)
  try {
    while (run.cases < cases && run.failures.length < 20) {
      await run.round()
      progress(run.cases)
      if (run.cases > cases / 5) run.measure()
    }
    return run.summary()
  } finally {
    await run.close()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: 'string' }, seed: { type: 'string' }, nodes: { type: 'string' } },
  })
  const started = performance.now()
  const numbers = [values.cases ?? 100_000, values.seed ?? 1, values.nodes ?? 1].map(Number)
  const [cases = 0, seed = 0, nodes = 1] = numbers
  const summary = await fuzz(cases, seed, nodes, done => {
    if (done % 10_000 < BATCH)
      console.log(`${done} cases, ${Math.round((performance.now() - started) / 1000)} s`)
  })
  console.log(summary)
  process.exitCode = summary.failures.length === 0 ? 0 : 1
}
