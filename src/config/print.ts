/** The configuration as a file: what is in force, with what each key is for. */
import { Document, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import type { Config } from './config.ts'
import type { Field, Fields } from './fields.ts'
import { ownOf } from './hosts.ts'
import { join } from './problems.ts'

/** Keys whose values nobody should read over a shoulder. */
const SECRET = /password|secret|token/
const HIDDEN = '[not shown]'

/**
 * YAML that means the same configuration: every key with its value, whether it was written or not; of hosts, what differs from all. What came from the environment stays
 * `${NAME}`; a secret that was written plainly is not shown.
 */
export function printFields(config: Config, fields: Fields): string {
  const hosts = config.hosts.map(host => ({ ...host, extensions: ownOf(config.extensions, host.extensions) }))
  const values: unknown = { ...config, hosts }
  const document = new Document(valuesOf(fields, values as Values), { aliasDuplicateObjects: false })
  document.commentBefore = ` ${config.file}, with the defaults of what it leaves out. Secrets are not shown.`
  new Printer(config.written).keys(document.contents as unknown as YAMLMap, fields, '')
  return document.toString({ lineWidth: 0 })
}

type Values = Readonly<Record<string, unknown>>

/** The values of declared keys, without those that are absent. */
function valuesOf(fields: Fields, values: Values): Values {
  const entries = Object.entries(fields).map(([key, field]) => [key, valueOfField(field, values[key])])
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function valueOfField(field: Field, value: unknown): unknown {
  if (field.kind === 'section' && value) return valuesOf(field.fields, value as Values)
  if (field.kind === 'list') return (value as Values[]).map(one => valuesOf(field.of.fields, one))
  return value
}

/** Adds to the nodes of a document what is known of their keys. */
class Printer {
  readonly #written: ReadonlyMap<string, string>

  constructor(written: ReadonlyMap<string, string>) {
    this.#written = written
  }

  /** The keys of a mapping. */
  keys(map: YAMLMap, fields: Fields, path: string): void {
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue
      const name = String(key.value)
      const field = fields[name]
      if (field === undefined) continue
      key.commentBefore = ` ${field.doc}`
      if (path === '') key.spaceBefore = true
      this.#value(value as Node, field, join(path, name))
    }
  }

  #value(node: Node, field: Field, path: string): void {
    if (field.kind === 'section' && isMap(node)) this.keys(node, field.fields, path)
    else if (field.kind === 'list' && isSeq(node))
      for (const [index, item] of node.items.entries())
        this.#item(item as YAMLMap, field.of.fields, join(path, index))
    else this.#texts(node, path)
  }

  /** The same keys again and again need no comment each time. */
  #item(map: YAMLMap, fields: Fields, path: string): void {
    this.keys(map, fields, path)
    for (const { key } of map.items) if (isScalar(key)) key.commentBefore = null
  }

  /** Values of a key: as they were written where that named the environment. */
  #texts(node: Node, path: string): void {
    if (isSeq(node))
      for (const [index, item] of node.items.entries()) this.#texts(item as Node, join(path, index))
    else if (isMap(node))
      for (const { key, value } of node.items)
        this.#texts(value as Node, join(path, String(isScalar(key) && key.value)))
    if (!isScalar(node)) return
    const written = this.#written.get(path)
    if (written !== undefined) node.value = written
    else if (typeof node.value !== 'string') return
    else if (SECRET.test(path.slice(path.lastIndexOf('.') + 1)) && node.value !== '') node.value = HIDDEN
    else node.value = node.value.replaceAll('${', () => '$${')
  }
}
