/** Finds citations of RFCs and XEPs in comments: `RFC 6120 §4.9.3`, `XEP-0198 §5`, `RFC 5892 appendix A.1`, `ARCHITECTURE §7`. */
import { RFCS, XEPS } from './specs.ts'

/** One mention of a specification. */
export interface Citation {
  /** `RFC 6120` or `XEP-0198`. */
  readonly spec: string
  /** `4.9.3`, `A.1`; undefined where the specification as a whole is meant. */
  readonly section: string | undefined
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** What is wrong with a citation, for people. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly text: string
}

/** The citations of one file and what is wrong with them. */
export interface Scan {
  readonly citations: readonly Citation[]
  readonly problems: readonly Problem[]
}

interface Comment {
  /** Line where it begins, from 1. */
  readonly line: number
  readonly lines: readonly string[]
}

/** A specification, or a section sign with whatever follows it. */
const TOKEN = /\b(?:RFC|XEP)[ -]?\d+|§\S*/gi
const SECTION = /^§((?:\d+|[A-Z])(?:\.\d+)*)/
const APPENDIX = /^ (?:appendix|Appendix) ([A-Z](?:\.\d+)*)/
/** Works with sections that are neither RFC nor XEP. */
const OTHER_WORK =
  /(?:ARCHITECTURE|STYLE|PROXY protocol|XML(?: Namespaces)? [\d.]+|X\.\d+|U[AT][XSR] ?#\d+|SP 800-\w+)\s$/
/** What may stand before the section sign when it goes on with the specification named before. */
const CONTINUES = /(?:^|[,;:.(]|\b(?:and|or|to|with|in|by|of|see|but|where|what))\s*$/

/** Scans a file: `//` and block comments of TypeScript and JavaScript, `#` lines of dialogues. */
export function scan(file: string, text: string): Scan {
  const citations: Citation[] = []
  const problems: Problem[] = []
  for (const comment of file.endsWith('.dialogue') ? hashComments(text) : codeComments(text)) {
    const found = scanComment(comment)
    citations.push(...found.citations.map(one => ({ ...one, file })))
    problems.push(...found.problems.map(one => ({ ...one, file })))
  }
  if (file.endsWith('.dialogue') && !/^# (?:RFC \d+|XEP-\d{4}) §[\dA-Z][\d.]*: \S/.test(text))
    problems.push({ file, line: 1, text: 'a dialogue begins with a quotation: "# RFC 6121 §8.5.2.1.1: ..."' })
  return { citations, problems }
}

function scanComment(comment: Comment) {
  const citations: Omit<Citation, 'file'>[] = []
  const problems: Omit<Problem, 'file'>[] = []
  let current: string | undefined
  for (const [offset, text] of comment.lines.entries()) {
    const line = comment.line + offset
    for (const { 0: token, index } of text.matchAll(TOKEN)) {
      const before = text.slice(0, index)
      if (!token.startsWith('§')) {
        const problem = misspelt(token)
        if (problem !== undefined) problems.push({ line, text: problem })
        current = token
        const after = text.slice(index + token.length)
        // With a section sign right behind it, the section is what is cited.
        if (!after.startsWith(' §')) citations.push({ line, spec: token, section: APPENDIX.exec(after)?.[1] })
        continue
      }
      if (OTHER_WORK.test(before)) {
        current = undefined
        continue
      }
      const section = SECTION.exec(token)?.[1]
      const named = current !== undefined && before.endsWith(`${current} `)
      if (section === undefined)
        problems.push({ line, text: `"${token}": a section is written §4.9.3 or §A.1` })
      else if (current === undefined || !(named || CONTINUES.test(before)))
        problems.push({ line, text: `"${token}": of which specification? Write its name right before it` })
      else citations.push({ line, spec: current, section })
    }
  }
  return { citations, problems }
}

function misspelt(token: string): string | undefined {
  const number = Number(/\d+/.exec(token)?.[0])
  const isRfc = /^rfc/i.test(token)
  const right = isRfc ? `RFC ${number}` : `XEP-${String(number).padStart(4, '0')}`
  if (token !== right) return `"${token}" is written "${right}"`
  if ((isRfc ? RFCS : XEPS)[number] === undefined)
    return `${right} is not in scripts/citations/specs.ts: a misprint, or add it there`
  return undefined
}

/** Comments of TypeScript. Adjoining `//` lines are one comment. */
function codeComments(text: string): Comment[] {
  const comments: { line: number; lines: string[] }[] = []
  let inBlock = false
  let previousWasLine = false
  for (const [index, source] of text.split('\n').entries()) {
    const block: boolean = inBlock || /^\s*\/\*/.test(source)
    const slashes = block ? -1 : lineComment(source)
    const goesOn = inBlock || (previousWasLine && /^\s*\/\/ /.test(source))
    const content = block ? source : slashes >= 0 ? source.slice(slashes) : undefined
    if (content !== undefined) {
      const plain = content.replace(/^\s*(?:\/\/|\/\*\*?|\*(?!\/))?\s?/, '')
      if (goesOn) comments.at(-1)?.lines.push(plain)
      else comments.push({ line: index + 1, lines: [plain] })
    }
    inBlock = block && !source.includes('*/')
    previousWasLine = slashes >= 0
  }
  return comments
}

/** Where a `//` comment begins in a line, outside quotes; -1 if it has none. */
function lineComment(source: string): number {
  let quote: string | undefined
  for (let i = 0; i < source.length; i++) {
    const character = source[i] as string
    if (character === '\\') i++
    else if (quote !== undefined) quote = character === quote ? undefined : quote
    else if (source.startsWith('// ', i) && /^\s?$/.test(source[i - 1] ?? '')) return i
    else if (/['"`]/.test(character)) quote = character
  }
  return -1
}

/** Each `#` line of a dialogue that begins with a citation begins a comment; the others go on with it. */
function hashComments(text: string): Comment[] {
  const comments: { line: number; lines: string[] }[] = []
  let previous = false
  for (const [index, source] of text.split('\n').entries()) {
    if (source.startsWith('#')) {
      if (previous) comments.at(-1)?.lines.push(source.slice(2))
      else comments.push({ line: index + 1, lines: [source.slice(2)] })
    }
    previous = source.startsWith('#')
  }
  return comments
}
