import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = globSync(['*.md', 'docs/**/*.md', 'config/*.md', 'src/**/*.md', 'test/**/*.md'], { cwd: ROOT })
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

t.test('files that a page names are there', async t => {
  t.ok(PAGES.length > 5)
  for (const page of PAGES) {
    const text = read(page)
    const named = [...text.matchAll(/`((?:src|test|scripts|bench|bin|config|docs)\/[\w./-]+\.\w+)`/g)]
    for (const [, file = ''] of named) {
      // A page may tell of a file that its reader is to write.
      if (file !== 'src/extensions/greeting.ts') t.ok(existsSync(join(ROOT, file)), `${page}: ${file}`)
    }
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g))
      if (!target.includes('://')) t.ok(existsSync(join(ROOT, dirname(page), target)), `${page}: ${target}`)
  }
})

t.test('functions that the path of a message names are in the files it names', async t => {
  const page = read('docs/message-path.md')
  const sources = globSync('src/**/*.ts', { cwd: ROOT }).map(read)
  for (const [, owner, name = ''] of page.matchAll(/`(?:(\w+)\.)?#?(\w+)\(\)`/g)) {
    const declared = new RegExp(`^\\s*(?:export )?(?:async )?(?:function )?#?${name}(?:<[^>]*>)?\\(`, 'm')
    const holder = sources.some(
      text =>
        declared.test(text) &&
        (owner === undefined ||
          new RegExp(`\\b(?:class|interface) ${owner}\\b`, 'i').test(text) ||
          /^[a-z]/.test(owner)),
    )
    t.ok(holder, `${owner ?? ''} ${name}`)
  }
})

t.test('every error code is in the table of docs/operating.md, and no other', async t => {
  const codes = new Set<string>()
  const files = globSync(['src/**/*.ts', 'bin/*.js'], { cwd: ROOT })
  for (const text of files.map(read)) {
    for (const [, code = ''] of text.matchAll(/['[](TIDINGS_[A-Z0-9_]+)['\]]/g)) codes.add(code)
    // A code of another form is found in no table.
    t.notMatch(text, /(?:TidingsError|certificateError)\(\s*'(?!TIDINGS_)/)
  }
  const union = /export type StorageErrorCode =(.*?)\n\n/s.exec(read('src/storage/types.ts'))?.[1] ?? ''
  for (const [, code = ''] of union.matchAll(/\| '([\w-]+)'/g))
    codes.add(`TIDINGS_STORAGE_${code.toUpperCase().replaceAll('-', '_')}`)
  const table = [...read('docs/operating.md').matchAll(/^\| `([\w-]+)` \| \S/gm)].map(([, code]) => code)
  t.ok(codes.size > 40)
  t.same(
    table.filter(code => code?.startsWith('TIDINGS_')),
    [...codes].sort(),
  )
})

t.test('every decision record is in the index under its title', async t => {
  const index = read('docs/decisions/README.md')
  const records = globSync('docs/decisions/0*.md', { cwd: ROOT })
  t.ok(records.length > 0)
  for (const record of records) {
    const [, number, title] = /^# (\d{4}): (.*)$/m.exec(read(record)) ?? []
    const file = record.replace(/^.*\//, '')
    t.ok(file.startsWith(`${number}-`), `${record} is number ${number}`)
    t.ok(index.includes(`| [${number}](${file}) | ${title} |`), record)
  }
})
