/** Every section of XEP-0045 that says what a service does is played by a dialogue that quotes it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const DIALOGUES = join(import.meta.dirname, '../dialogues')

/** The numbered sections of version 1.35.3, chapters 5 to 11 and 17, and the URI query type that rooms answer for: those with sections of their own are their sections. */
const SECTIONS = `
5.1 5.1.3 5.2.1 5.2.2
6.1 6.2 6.3 6.4 6.5 6.6
7.1 7.2.1 7.2.2 7.2.3 7.2.4 7.2.5 7.2.6 7.2.7 7.2.8 7.2.9 7.2.10 7.2.11 7.2.12 7.2.13 7.2.14 7.2.15 7.2.16 7.2.17 7.2.18
7.3 7.4 7.5 7.6 7.7 7.8.1 7.8.2 7.9 7.10 7.11 7.12 7.13 7.14
8.1 8.2 8.3 8.4 8.5 8.6
9.1 9.2 9.3 9.4 9.5 9.6 9.7 9.8 9.9
10.1.1 10.1.2 10.1.3 10.2 10.2.1 10.3 10.4 10.5 10.6 10.7 10.8 10.9
11.1 11.2
16.7.1
17.1 17.2 17.3 17.4
`
  .trim()
  .split(/\s+/)

/** Played by another test: nodes of a cluster that stop together tell it only if one of them is the last. */
const ELSEWHERE: Readonly<Record<string, string>> = { '11.2': '../extensions/muc-closing.test.ts' }

t.test('sections of XEP-0045', t => {
  const quoted = new Set<string>()
  for (const file of readdirSync(DIALOGUES).filter(name => name.startsWith('0045-'))) {
    const [head = ''] = readFileSync(join(DIALOGUES, file), 'utf8').split(/^\[/m)
    for (const [, section] of head.matchAll(/^# XEP-0045 §([\d.]*\d): \S/gm)) quoted.add(section!)
  }
  t.same(
    SECTIONS.filter(section => !quoted.has(section) && !isElsewhere(section)),
    [],
    'each is quoted at the head of a dialogue',
  )
  t.same(
    [...quoted].filter(section => !SECTIONS.includes(section)),
    [],
    'nothing else is',
  )
  t.end()
})

function isElsewhere(section: string): boolean {
  const file = ELSEWHERE[section]
  return (
    file !== undefined &&
    readFileSync(join(import.meta.dirname, file), 'utf8').includes(`XEP-0045 §${section}`)
  )
}
