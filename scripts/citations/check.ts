/** Checks all citations of the project: their form, and that each extension cites what it claims. */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LocatedExtension } from '../extensions.ts'
import { type Citation, type Problem, type Scan, scan } from './scan.ts'
import { BUILT_IN } from './specs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FILES = ['src/**/*.ts', 'test/**/*.ts', 'test/**/*.dialogue', 'scripts/**/*.ts', 'bench/**/*.ts']

/** Scans every file of the project that may hold citations. */
export function scanProject(): Scan {
  const files = globSync(FILES, { cwd: ROOT })
    .map(file => file.replaceAll('\\', '/'))
    .sort()
  const scans = files.map(file => scan(file, readFileSync(`${ROOT}/${file}`, 'utf8')))
  return {
    citations: scans.flatMap(one => one.citations),
    problems: scans.flatMap(one => one.problems),
  }
}

/** What is missing: files of extensions and built-in XEPs that do not cite what they are. `firstComment` reads the first comment of a file. */
export function missingCitations(
  extensions: readonly LocatedExtension[],
  citations: readonly Citation[],
  firstComment: (file: string) => string = readFirstComment,
): Problem[] {
  const problems: Problem[] = []
  const cites = (spec: string, file: string): boolean =>
    citations.some(one => one.spec === spec && one.file.startsWith(file.replace(/index\.ts$/, '')))
  for (const { extension, file } of extensions) {
    const specs = (extension.xeps ?? []).map(claim => xepName(claim.xep))
    const comment = firstComment(file)
    if (specs.length > 0 && !specs.some(spec => comment.includes(spec)))
      problems.push({ file, line: 1, text: `the first comment names none of ${specs.join(', ')}` })
    if (!/\b(?:RFC \d+|XEP-\d{4})/.test(comment))
      problems.push({ file, line: 1, text: 'the first comment names no specification' })
    for (const spec of specs)
      if (!cites(spec, file)) problems.push({ file, line: 1, text: `claims ${spec} and nowhere cites it` })
    for (const claim of extension.rfcs ?? [])
      for (const { text } of scan(file, `// ${claim}`).problems) problems.push({ file, line: 1, text })
  }
  for (const { xep, file } of BUILT_IN)
    if (!cites(xepName(xep), file))
      problems.push({
        file,
        line: 1,
        text: `holds ${xepName(xep)}, says scripts/citations/specs.ts, and does not cite it`,
      })
  return problems
}

/** `XEP-0198` for 198. */
export function xepName(number: number): string {
  return `XEP-${String(number).padStart(4, '0')}`
}

function readFirstComment(file: string): string {
  return /^\s*(?:\/\*\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(readFileSync(`${ROOT}/${file}`, 'utf8'))?.[0] ?? ''
}
