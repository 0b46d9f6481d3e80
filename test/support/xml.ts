/** Streams for tests of the reader: plain text fixtures, feeding in pieces, and one way to write down what came out. */
import { readFileSync } from 'node:fs'
import {
  Reader,
  type ReaderLimits,
  type StreamClose,
  type StreamOpen,
  type TopElement,
} from '../../src/xml/reader.ts'
import { StreamError } from '../../src/xml/stream-error.ts'

export const LIMITS: Readonly<ReaderLimits> = {
  stanzaBytes: 65_536,
  depth: 16,
  attributes: 16,
  children: 200,
  nameBytes: 64,
}

export const HEADER =
  "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

export type Item = StreamOpen | TopElement | StreamClose

/** Everything that comes out of a stream fed in these pieces, and the error that ended it. */
export function readAll(
  pieces: readonly Buffer[],
  limits: ReaderLimits = LIMITS,
  content?: string | null,
): Outcome {
  const reader = new Reader({ ...limits }, content)
  const items: Item[] = []
  try {
    for (const piece of pieces) {
      reader.push(piece)
      for (let item = reader.next(); item !== undefined; item = reader.next()) items.push(item)
    }
  } catch (error) {
    if (error instanceof StreamError) return { items, error }
    throw error
  }
  return { items, error: undefined }
}

export interface Outcome {
  readonly items: readonly Item[]
  readonly error: StreamError | undefined
}

/** The elements of a stream, header and close left out. */
export function elementsOf(outcome: Outcome): TopElement[] {
  return outcome.items.filter(item => item.kind === 'element')
}

/** A top-level element as one line: attributes decoded, content as its bytes. */
export function lineOf(top: TopElement): string {
  const attributes = top.attributes.map(({ name, value }) => ` ${name}=${JSON.stringify(value)}`).join('')
  return `{${top.ns}}${top.name}${attributes} ${escapeLine(top.content.toString('latin1'))}`.trimEnd()
}

/** One line of a fixture file. */
export interface Fixture {
  readonly file: string
  readonly line: number
  /** The columns before the XML. */
  readonly columns: readonly string[]
  readonly xml: Buffer
  /** Further lines, indented by two spaces: what is expected. */
  readonly expected: readonly string[]
}

/**
 * Reads `test/fixtures/xml/NAME.txt`. A line holds as many columns as asked for and then XML; '#' starts a comment line. In the XML
 * `\n`, `\r`, `\t`, `\\` and `\xHH` (a byte) are escapes; indented lines say what is expected.
 */
export function fixtures(name: string, columns: number): Fixture[] {
  const file = new URL(`../fixtures/xml/${name}.txt`, import.meta.url)
  const found: (Fixture & { expected: string[] })[] = []
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('  ')) found.at(-1)!.expected.push(line.slice(2))
    else {
      const words = line.split(/ +/, columns)
      const xml = line.replace(new RegExp(`^(\\S+ +){${columns}}`), '')
      found.push({
        file: `${name}.txt`,
        line: index + 1,
        columns: words,
        xml: unescapeLine(xml),
        expected: [],
      })
    }
  }
  return found
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\' }

/** Bytes of a line of a fixture. */
export function unescapeLine(line: string): Buffer {
  const latin1 = Buffer.from(line).toString('latin1')
  const unescaped = latin1.replace(/\\(x([0-9a-f]{2})|.)/g, (_, letter: string, hex: string | undefined) =>
    hex === undefined ? (ESCAPES[letter] ?? `\\${letter}`) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(unescaped, 'latin1')
}

/** The other way round, for bytes as a latin1 string. */
export function escapeLine(bytes: string): string {
  return bytes.replace(/[^ -[\]-~]/g, character => {
    if (character === '\n') return '\\n'
    if (character === '\r') return '\\r'
    if (character === '\t') return '\\t'
    if (character === '\\') return '\\\\'
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
