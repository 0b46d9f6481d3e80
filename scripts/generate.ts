/**
 * `npm run generate`: writes everything in the repository that is made from the code. No server runs.
 * `npm run generate -- --check`: writes nothing; fails if a file would change.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { jsonSchema } from '../src/config/json-schema.ts'
import { scanProject } from './citations/check.ts'
import { locatedExtensions } from './extensions.ts'
import { citationsIndex } from './generate/citations.ts'
import { doap, type ProjectFacts } from './generate/doap.ts'
import { extensionsReadme } from './generate/extensions.ts'
import { reference } from './generate/reference.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Every generated file by its path, with its text. The same code gives the same text. */
export function generated(): Map<string, string> {
  const extensions = locatedExtensions()
  const project = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as ProjectFacts
  const schema = jsonSchema(extensions.map(one => one.extension))
  return new Map([
    ['config/reference.md', reference(extensions)],
    ['config/schema.json', `${JSON.stringify(schema, null, 2)}\n`],
    ['docs/citations.md', citationsIndex(scanProject().citations)],
    ['docs/doap.xml', doap(project, extensions)],
    ['src/extensions/README.md', extensionsReadme(extensions)],
  ])
}

/** The paths whose file is not what it would be if it were written now. */
export function stale(
  files: ReadonlyMap<string, string>,
  read: (path: string) => string | undefined,
): string[] {
  return [...files].filter(([path, text]) => read(path) !== text).map(([path]) => path)
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(`${ROOT}/${path}`, 'utf8')
  } catch {
    return undefined
  }
}

if (import.meta.main) {
  const files = generated()
  const changed = stale(files, readFile)
  if (process.argv.includes('--check')) {
    for (const path of changed) console.error(`${path} is not up to date: npm run generate`)
    process.exitCode = changed.length === 0 ? 0 : 1
  } else for (const path of changed) writeFileSync(`${ROOT}/${path}`, files.get(path) as string)
  console.log(`generated files: ${files.size}, ${changed.length} changed`)
}
