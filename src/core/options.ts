/**
 * Options of an extension: declared once, with their doc line, and from that typed, checked at start and documented.
 * Plain data, so that config/reference.md and config/schema.json can be generated without a running server.
 */
export type OptionKind = 'integer' | 'boolean' | 'text' | 'choice' | 'texts'

/** One declared option. `T` is the type of its value. */
export interface Option<T> {
  readonly kind: OptionKind
  readonly doc: string
  readonly default: T
  /** Bounds of an integer, both inclusive. */
  readonly min?: number
  readonly max?: number
  /** Unit of an integer, for people: "seconds", "bytes". */
  readonly unit?: string
  readonly choices?: readonly string[]
  /** The extension reads it whenever it needs it, so that a reload of the configuration changes it. */
  readonly live?: boolean
}

/** The options of an extension by name (kebab-case). */
export type Options = Readonly<Record<string, Option<unknown>>>

/** The values that belong to declared options. */
export type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never
}

interface IntegerSpec {
  doc: string
  default: number
  min?: number
  max?: number
  unit?: string
  live?: boolean
}

export const option = {
  integer: (spec: IntegerSpec): Option<number> => ({ kind: 'integer', ...spec }),
  boolean: (spec: { doc: string; default: boolean; live?: boolean }): Option<boolean> => ({
    kind: 'boolean',
    ...spec,
  }),
  text: (spec: { doc: string; default: string }): Option<string> => ({ kind: 'text', ...spec }),
  /** A list of texts. */
  texts: (spec: { doc: string; default: readonly string[] }): Option<readonly string[]> => ({
    kind: 'texts',
    ...spec,
  }),
  choice: <const C extends string>(spec: {
    doc: string
    default: NoInfer<C>
    choices: readonly C[]
    live?: boolean
  }): Option<C> => ({
    kind: 'choice',
    ...spec,
  }),
}

/** The defaults of declared options. */
export function defaults<O extends Options>(options: O): OptionValues<O> {
  return Object.fromEntries(
    Object.entries(options).map(([name, declared]) => [name, declared.default]),
  ) as OptionValues<O>
}
