/** Every section of XEP-0045 that says what a service does is played by a dialogue that quotes it, and every status code that rooms send. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const DIALOGUES = join(import.meta.dirname, '../dialogues')
const ROOMS = join(import.meta.dirname, '../../src/extensions/muc')

/** The numbered sections of version 1.35.3, chapters 5 to 18; of those with sections of their own mostly these. */
const SECTIONS = `
5.1 5.1.1 5.1.2 5.1.3 5.2.1 5.2.2
6.1 6.2 6.3 6.4 6.5 6.6 6.7
7.1 7.2.1 7.2.2 7.2.3 7.2.4 7.2.5 7.2.6 7.2.7 7.2.8 7.2.9 7.2.10 7.2.11 7.2.12 7.2.13 7.2.14 7.2.15 7.2.16 7.2.17 7.2.18
7.3 7.4 7.5 7.6 7.7 7.8.1 7.8.2 7.9 7.10 7.11 7.12 7.13 7.14
8.1 8.2 8.3 8.4 8.5 8.6
9.1 9.2 9.3 9.4 9.5 9.6 9.7 9.8 9.9
10.1.1 10.1.2 10.1.3 10.2 10.2.1 10.3 10.4 10.5 10.6 10.7 10.8 10.9
11.1 11.2
12 13
14.1 14.2 14.3 14.4 14.5 14.6 14.7
15
16.1 16.2 16.3 16.4 16.5.1 16.5.2 16.5.3 16.5.4 16.6.1 16.6.2 16.7.1 16.7.2
17.1 17.2 17.3 17.4
18.1 18.1.1 18.1.2 18.2.1 18.2.2
`
  .trim()
  .split(/\s+/)

/** Played by another test: the tables as they are; nodes of a cluster that stop together tell it only if one of them is the last. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  '5.1.1': '../extensions/muc-privileges.test.ts',
  '5.1.2': '../extensions/muc-privileges.test.ts',
  '11.2': '../extensions/muc-closing.test.ts',
}

/** Why nothing plays a section. */
const UNPLAYED: Readonly<Record<string, string>> = {
  '6.7': 'what a client answers',
  12: 'tells where the codes are: 16.6.2',
  14.1: 'says what there is not',
  14.2: 'says what there is not',
  14.7: 'names another specification',
  15: 'is empty',
  16.1: 'a list of namespaces',
  '16.5.1': 'fields of forms that 7.10 and 9.9 play',
  '16.5.2': 'fields of forms that 7.13 and 8.6 play',
  '16.5.3': 'fields of forms that 10.1.3 and 10.2 play',
  '16.5.4': 'fields of forms that 6.4 plays',
  '16.6.1': 'how others register codes',
  '16.6.2': 'the test of codes below',
  '16.7.2': 'what a client does with an address',
  18.1: 'what a service may do besides',
  '18.2.1': 'for clients',
  '18.2.2': 'for clients',
}

/** XEP-0045 §16.6.2: the codes that rooms send. */
const CODES = [100, 104, 110, 170, 171, 172, 173, 201, 301, 303, 307, 321, 322, 332, 333]

/** Those that they do not send. */
const UNSENT: Readonly<Record<number, string>> = {
  101: 'who is not in the room is not told by a message of this form (XEP-0045 §18.1 lets a service do that)',
  102: 'who is not there is never shown',
  103: 'who is not there is never shown',
  210: 'nobody gets another nick than he asked for',
}

t.test('sections of XEP-0045', t => {
  const quoted = new Set<string>()
  for (const file of readdirSync(DIALOGUES).filter(name => name.startsWith('0045-'))) {
    const [head = ''] = readFileSync(join(DIALOGUES, file), 'utf8').split(/^\[/m)
    for (const [, section] of head.matchAll(/^# XEP-0045 §([\d.]*\d): \S/gm)) quoted.add(section!)
  }
  t.same(
    SECTIONS.filter(section => !quoted.has(section) && !isElsewhere(section) && !(section in UNPLAYED)),
    [],
    'each is quoted at the head of a dialogue',
  )
  t.same(
    [...quoted].filter(section => !SECTIONS.includes(section)),
    [],
    'nothing else is',
  )
  t.same(
    Object.keys(UNPLAYED).filter(section => quoted.has(section) || !SECTIONS.includes(section)),
    [],
    'what is said to be played by nothing is not',
  )
  t.end()
})

t.test('status codes', t => {
  const played = readdirSync(DIALOGUES)
    .filter(name => name.startsWith('0045-'))
    .map(name => readFileSync(join(DIALOGUES, name), 'utf8'))
    .join()
  const closing = readFileSync(join(import.meta.dirname, ELSEWHERE['11.2']!), 'utf8')
  const isPlayed = (code: number): boolean => `${played}${closing}`.includes(`code="${code}"`)
  t.same(
    CODES.filter(code => !isPlayed(code)),
    [],
    'each that is sent is played',
  )
  const source = readdirSync(ROOMS)
    .map(name => readFileSync(join(ROOMS, name), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
    .join()
  t.same(
    Object.keys(UNSENT).filter(code => new RegExp(`\\b${code}\\b`).test(source) || isPlayed(Number(code))),
    [],
    'the others are not sent',
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
