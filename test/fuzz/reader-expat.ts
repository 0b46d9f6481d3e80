/**
 * The reader against libexpat: `node test/fuzz/reader-expat.ts [--cases 200000] [--seed 1] [--keep]`
 *
 * What we accept, libexpat accepts, with the same tree: as it came in, and again as it goes out (to a client, over a server link and
 * through storage back to a client, in a carbon, edited). What libexpat accepts and we refuse breaks a rule by name, and the document
 * really breaks it. How the bytes are split changes nothing. Documents come from a grammar and from changes to the corpus
 * (test/fixtures/xml/corpus, one escaped document a line, and all fixtures); with --keep those that fail are added to it.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { escapeLine, fixtures, HEADER, unescapeLine } from '../support/xml.ts'
import { Expat } from './expat.ts'
import { Random } from './random.ts'
import { Case, type Verdict } from './reader-case.ts'
import { Grammar, mutate } from './xml-grammar.ts'

const BATCH = 500
const CORPUS = new URL('../fixtures/xml/corpus/', import.meta.url)

/** What a run has found. */
export interface Summary {
  readonly cases: number
  readonly accepted: number
  /** Cases by the rule that refused them; how many of them libexpat accepts. */
  readonly refused: ReadonlyMap<string, { all: number; acceptedByExpat: number }>
  readonly failures: readonly { readonly document: string; readonly why: string }[]
}

/** All documents that runs start from, as latin1. */
function corpus(): string[] {
  const inStream = [...fixtures('accepted', 0), ...fixtures('refused', 2)].map(
    ({ xml }) => `${HEADER}${xml.toString('latin1')}</stream:stream>`,
  )
  const headers = fixtures('refused-headers', 2).map(({ xml }) => `${xml.toString('latin1')}</stream:stream>`)
  const kept = readdirSync(CORPUS).flatMap(name => readFileSync(new URL(name, CORPUS), 'utf8').split('\n'))
  return [...inStream, ...headers, ...kept.filter(Boolean).map(line => unescapeLine(line).toString('latin1'))]
}

/** Runs the corpus and then random documents, `cases` in all or more. */
export async function fuzz(
  cases: number,
  seed: number,
  progress: (done: number) => void = () => {},
): Promise<Summary> {
  const random = new Random(seed)
  const grammar = new Grammar(random)
  const seeds = corpus()
  const summary = {
    cases: 0,
    accepted: 0,
    refused: new Map<string, { all: number; acceptedByExpat: number }>(),
    failures: [] as { document: string; why: string }[],
  }
  const expat = new Expat()
  try {
    let documents = seeds
    let pending: Promise<void> | undefined
    while (summary.cases < cases && summary.failures.length < 20) {
      const batch = documents.map(document => new Case(document, random))
      // While libexpat looks at one batch we make the next.
      await pending
      pending = judge(expat, batch, summary)
      summary.cases += batch.length
      progress(summary.cases)
      documents = Array.from({ length: BATCH }, () => document(random, grammar, seeds))
    }
    await pending
  } finally {
    await expat.close()
  }
  return summary
}

function document(random: Random, grammar: Grammar, seeds: string[]): string {
  const made = grammar.stream()
  if (random.once(2)) return made
  const base = random.once(3) ? made : random.pick(seeds)
  const mutant = mutate(random, base, random.pick(seeds))
  // Changes add up: some mutants are starting points themselves.
  if (random.once(50) && mutant.length < 2_000) seeds[random.below(seeds.length)] = mutant
  return mutant
}

async function judge(expat: Expat, batch: Case[], summary: Summary & { accepted: number }): Promise<void> {
  const opinions = await expat.ask(batch.flatMap(one => one.documents))
  for (const one of batch) {
    const verdict = one.judge(opinions.splice(0, one.documents.length))
    count(summary, one, verdict)
  }
}

function count(summary: Summary & { accepted: number }, one: Case, verdict: Verdict): void {
  if (verdict.failure !== undefined)
    (summary.failures as { document: string; why: string }[]).push({
      document: one.document,
      why: verdict.failure,
    })
  if (one.rule === undefined) {
    summary.accepted++
    return
  }
  const refused = summary.refused as Map<string, { all: number; acceptedByExpat: number }>
  const counts = refused.get(one.rule) ?? { all: 0, acceptedByExpat: 0 }
  counts.all++
  if (verdict.acceptedByExpat) counts.acceptedByExpat++
  refused.set(one.rule, counts)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { cases: { type: 'string' }, seed: { type: 'string' }, keep: { type: 'boolean' } },
  })
  const cases = Number(values.cases ?? 200_000)
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const started = performance.now()
  const summary = await fuzz(cases, seed, done => {
    if (done % 50_000 < BATCH)
      console.log(`${done} cases, ${((performance.now() - started) / 1_000).toFixed(0)} s`)
  })
  console.log(`seed ${seed}: ${summary.cases} cases, ${summary.accepted} accepted`)
  for (const [rule, { all, acceptedByExpat }] of [...summary.refused].sort()) {
    console.log(
      `  ${rule.padEnd(24)} ${String(all).padStart(8)} refused, ${String(acceptedByExpat).padStart(7)} of them well-formed for libexpat`,
    )
  }
  for (const { document, why } of summary.failures) {
    console.log(`FAILURE ${why}\n  ${JSON.stringify(document)}`)
    if (values.keep)
      appendFileSync(
        new URL('found.txt', CORPUS),
        `${escapeLine(document)}
`,
      )
  }
  process.exitCode = summary.failures.length === 0 ? 0 : 1
}

if (process.argv[1] === import.meta.filename) await main()
