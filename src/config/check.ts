/** Checks a YAML document against declared fields: gives the values, and every problem with its place. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type YAMLMap,
} from 'yaml'
import { scalarValue } from './check-scalar.ts'
import type { Dictionary, Field, Fields, Later, Leaf, List, Section, Value, Values } from './fields.ts'
import { ConfigError, join, type Problem, type ProblemCode } from './problems.ts'
import { suggestion } from './suggest.ts'
import { expected, found } from './wording.ts'

/** A key in use whose feature comes later. */
export interface LaterKey {
  readonly path: string
  readonly later: Later
}

/** One walk over one document. Problems gather; a value with a problem is replaced by its default, so that the walk goes on. */
export class Checker {
  /** Keys that were written and whose feature comes later. */
  readonly later: LaterKey[] = []
  /** Values that came from the environment, by key path, as they were written. */
  readonly written = new Map<string, string>()
  readonly #problems: Problem[] = []
  readonly #document: Document
  readonly #lines: LineCounter
  readonly #environment: Readonly<NodeJS.ProcessEnv>

  constructor(document: Document, lines: LineCounter, environment: Readonly<NodeJS.ProcessEnv>) {
    this.#document = document
    this.#lines = lines
    this.#environment = environment
  }

  /** The whole document as a section. */
  check<F extends Fields>(fields: F): Values<F> {
    const root = this.#resolve(this.#document.contents)
    return this.#keys(root, fields, '') as Values<F>
  }

  /** Adds a problem at a node, or at the key that holds it. */
  report(code: ProblemCode, path: string, text: string, node?: Node | null): void {
    const start = node?.range?.[0]
    const at = start === undefined ? undefined : this.#lines.linePos(start)
    this.#problems.push({ code, path, text, ...(at && { line: at.line, column: at.col }) })
  }

  /** Throws a ConfigError with all problems so far, in the order of the file. */
  throwProblems(file: string): void {
    if (this.#problems.length === 0) return
    const place = ({ line = 0, column = 0 }: Problem): number => line * 1e6 + column
    throw new ConfigError(
      file,
      this.#problems.toSorted((a, b) => place(a) - place(b)),
    )
  }

  /** The node at a path of keys, for a problem found after the walk; what holds it where it is not written. */
  nodeAt(path: readonly (string | number)[]): Node | null {
    return this.#find(path) ?? (path.length === 0 ? null : this.nodeAt(path.slice(0, -1)))
  }

  /** Whether there is anything at a path of keys; a key with nothing below it says nothing. */
  says(path: readonly (string | number)[]): boolean {
    return !isNothing(this.#find(path))
  }

  #find(path: readonly (string | number)[]): Node | null {
    let node = this.#resolve(this.#document.contents)
    for (const key of path) node = isCollection(node) ? this.#resolve(node.get(key, true) as Node) : null
    return node
  }

  #value(node: Node | null, field: Field, path: string): unknown {
    this.#note(node, field, path)
    switch (field.kind) {
      case 'section':
        return this.#section(node, field, path)
      case 'list':
        return this.#list(node, field, path)
      case 'dictionary':
        return this.#dictionary(node, field, path)
      case 'texts':
        return this.#texts(node, field, path)
      default:
        return this.#scalar(node, field, path)
    }
  }

  /** Remembers a written key whose feature comes later; switched off or empty it asks for nothing. */
  #note(node: Node | null, field: Field, path: string): void {
    if (field.later === undefined) return
    const value = isScalar(node) ? node.value : node
    const { values } = field.later
    const empty = value === false || value === null || (isMap(node) && node.items.length === 0)
    if (values ? values.includes(String(value)) : !empty) this.later.push({ path, later: field.later })
  }

  #section(node: Node | null, field: Section, path: string): unknown {
    if (field.off && isScalar(node) && node.value === false) return false
    return this.#keys(node, field.fields, path, field)
  }

  /** The keys of a mapping. A key without anything below it is an empty mapping: all that it holds may be commented out. */
  #keys(node: Node | null, fields: Fields, path: string, field?: Section): Record<string, unknown> {
    if (!isMap(node) && !isNothing(node))
      this.#wrong(node, path, field ? expected(field) : 'a mapping of keys')
    const given = isMap(node)
      ? this.#entries(node, path, Object.keys(fields))
      : new Map<string, Node | null>()
    const result: Record<string, unknown> = {}
    for (const [key, one] of Object.entries(fields)) {
      const below = join(path, key)
      if (given.has(key)) result[key] = this.#value(given.get(key) ?? null, one, below)
      else if ('required' in one && one.required)
        this.report('TIDINGS_CONFIG_MISSING_KEY', below, `expected ${expected(one)}, found no such key`, node)
      else result[key] = absent(one)
    }
    return result
  }

  /** Keys and their values; those not in `known` are problems and left out. */
  #entries(node: YAMLMap, path: string, known?: readonly string[]): Map<string, Node | null> {
    const entries = new Map<string, Node | null>()
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      if (known === undefined || known.includes(name)) entries.set(name, this.#resolve(value as Node | null))
      else this.#unknown(key as Node, name, path, known)
    }
    return entries
  }

  #unknown(node: Node, name: string, path: string, known: readonly string[]): void {
    const near = suggestion(name, known)
    const what = /(^|\.)extensions$/.test(path) ? 'there is no such extension' : 'there is no such key'
    const hint = near === undefined ? `; expected one of ${known.join(', ')}` : `; did you mean "${near}"?`
    this.report('TIDINGS_CONFIG_UNKNOWN_KEY', join(path, name), what + hint, node)
  }

  #list(node: Node | null, field: List, path: string): unknown {
    if (!isSeq(node) || (node.items.length === 0 && field.default.length > 0))
      return this.#wrong(node, path, expected(field), field.default)
    return node.items.map((item, index) =>
      this.#value(this.#resolve(item as Node | null), field.of, join(path, index)),
    )
  }

  #dictionary(node: Node | null, field: Dictionary, path: string): Record<string, string> {
    if (isNothing(node)) return {}
    if (!isMap(node)) return this.#wrong(node, path, expected(field), {})
    const result: Record<string, string> = {}
    for (const [name, value] of this.#entries(node, path)) {
      const below = join(path, name)
      const key = field.keys.parse(name)
      if (key === undefined)
        this.report(
          'TIDINGS_CONFIG_VALUE',
          below,
          `expected ${field.keys.expected}, as the key`,
          value ?? node,
        )
      const leaf: Leaf<string> = { kind: 'text', doc: field.doc, default: '', format: field.values }
      result[key ?? name] = this.#scalar(value, leaf, below) as string
    }
    return result
  }

  #texts(node: Node | null, field: Leaf, path: string): unknown {
    const { single, ...item } = field
    const one: Leaf = { ...item, kind: 'text', default: '' }
    if (isSeq(node))
      return node.items.map((value, i) => this.#scalar(this.#resolve(value as Node), one, join(path, i)))
    if (field.off && isScalar(node) && node.value === false) return false
    if (single && isScalar(node) && typeof node.value === 'string') return [this.#scalar(node, one, path)]
    return this.#wrong(node, path, expected(field), field.default)
  }

  #scalar(node: Node | null, field: Leaf, path: string): unknown {
    if (!isScalar(node)) return this.#wrong(node, path, expected(field), field.default)
    const result = scalarValue(node.value, field, this.#environment)
    if ('value' in result) {
      if (result.written !== undefined) this.written.set(path, result.written)
      return result.value
    }
    this.report(result.code, path, result.text, node)
    return field.default
  }

  #wrong<T>(node: Node | null, path: string, wanted: string, instead?: T): T {
    this.report('TIDINGS_CONFIG_VALUE', path, `expected ${wanted}, found ${found(node)}`, node)
    return instead as T
  }

  /** The node itself, or what an alias stands for. */
  #resolve(node: Node | null | undefined): Node | null {
    return (isAlias(node) ? node.resolve(this.#document) : node) ?? null
  }
}

/** What a key is when it is not there. */
function absent<F extends Field>(field: F): Value<F>
function absent(field: Field): unknown {
  switch (field.kind) {
    case 'section':
      return 'value' in field.absent ? field.absent.value : defaults(field.fields)
    case 'dictionary':
      return {}
    default:
      return field.default
  }
}

/** The values of fields when nothing is written. */
function defaults<F extends Fields>(fields: F): Values<F> {
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, absent(field)])) as Values<F>
}

function isNothing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null)
}
