/** Random streams: mostly well-formed, with everything that XML and XMPP allow or forbid turning up now and then. Bytes as latin1 strings. */
import type { Random } from './random.ts'
import {
  HEADERS,
  NAMES,
  NAMESPACES,
  ODD_HEADERS,
  ODD_NAMES,
  ODD_NAMESPACES,
  ODD_REFERENCES,
  ODD_TEXTS,
  PLAIN_NAMESPACES,
  PREFIXES,
  REFERENCES,
  SECTIONS,
  STANDARD_HEADER,
  TEXTS,
  TOKENS,
  WIDE_NAMES,
} from './xml-pieces.ts'

/** How much goes wrong: an odd choice once in `odd` choices. */
export class Grammar {
  readonly #random: Random
  #odd = 100
  /** Prefixes in scope. */
  #scope: string[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /** A whole stream, from its header to its end. */
  stream(): string {
    const random = this.#random
    this.#odd = random.pick([30, 100, 300, 1_000_000])
    const header = random.once(4) ? this.#choose(HEADERS, ODD_HEADERS) : STANDARD_HEADER
    this.#scope = PREFIXES.filter(prefix => header.includes(`xmlns:${prefix}=`) && prefix !== 'stream')
    let text = header
    for (let k = random.below(3); k >= 0; k--) {
      text += this.#element(
        random.once(100) ? 12 : random.below(4),
        random.once(8) ? undefined : random.pick(['message', 'presence', 'iq']),
      )
      if (random.once(5)) text += random.pick([' ', '\n', '\r\n\t ', ''])
      if (random.once(this.#odd)) text += this.#choose(TEXTS, ODD_TEXTS)
    }
    if (random.once(this.#odd)) return text
    return `${text}</${header.includes('<stream ') ? 'stream' : 'stream:stream'}>`
  }

  #element(depth: number, fixed?: string): string {
    const outer = this.#scope
    const attributes = this.#attributes()
    const name = fixed ?? this.#name()
    const gap = this.#random.once(10) ? this.#random.pick([' ', '\n', '\t', '\r\n']) : ''
    const end = this.#random.once(this.#odd) ? this.#name() : name
    const whole = this.#random.once(4)
      ? `<${name}${attributes}${gap}/>`
      : `<${name}${attributes}${gap}>${this.#content(depth)}</${end}${gap}>`
    this.#scope = outer
    return whole
  }

  #content(depth: number): string {
    const random = this.#random
    let text = random.once(500) ? 'x'.repeat(random.below(4_000)) : ''
    for (let k = random.once(200) ? 40 : random.below(4); k > 0; k--) {
      const sort = random.below(10)
      if (sort < 5 && depth > 0) text += this.#element(depth - 1)
      else if (sort < 7) text += this.#choose(TEXTS, ODD_TEXTS)
      else if (sort < 9) text += this.#choose(REFERENCES, ODD_REFERENCES)
      else text += `<![CDATA[${random.pick(SECTIONS)}]]>`
    }
    return text
  }

  #attributes(): string {
    const random = this.#random
    const used = new Set<string>()
    let text = ''
    for (let k = random.once(100) ? 14 : random.below(5); k > 0; k--) {
      const gap = random.once(this.#odd) ? this.#choose(['\n', '\t', ' '], ['', '/', ',']) : ' '
      const [name, value] = this.#attribute()
      if (used.has(name) && !random.once(this.#odd)) continue
      used.add(name)
      text += `${gap}${name}=${this.#quoted(value)}`
    }
    return text
  }

  #attribute(): [name: string, value: string] {
    const random = this.#random
    const sort = random.below(8)
    if (sort < 2) return ['xmlns', this.#choose(NAMESPACES, ODD_NAMESPACES)]
    if (sort < 4) {
      const prefix = this.#choose(PREFIXES, ['xml', 'xmlns'])
      this.#scope = [...this.#scope, prefix]
      return [`xmlns:${prefix}`, this.#choose(PLAIN_NAMESPACES, [...NAMESPACES, ...ODD_NAMESPACES])]
    }
    if (sort < 5) return ['xml:lang', random.pick(['de', 'en', '', 'tlh'])]
    return [this.#name(), this.#value()]
  }

  #value(): string {
    const random = this.#random
    let text = ''
    for (let k = random.below(4); k > 0; k--) {
      text += random.once(2) ? this.#choose(TEXTS, ODD_TEXTS) : this.#choose(REFERENCES, ODD_REFERENCES)
    }
    return text
  }

  #quoted(value: string): string {
    const random = this.#random
    if (random.once(this.#odd))
      return random.pick([`"${value}`, value, `= '${value}'`, ` "${value}"`, `'${value}"`])
    return value.includes("'") || random.once(2) ? `"${value.replaceAll('"', '')}"` : `'${value}'`
  }

  #name(): string {
    const random = this.#random
    const local = random.once(20) ? random.pick(WIDE_NAMES) : this.#choose(NAMES, ODD_NAMES)
    if (!random.once(3)) return local
    const prefix =
      random.once(this.#odd) || this.#scope.length === 0
        ? this.#choose(['xml'], PREFIXES)
        : random.pick(this.#scope)
    return `${prefix}:${local}`
  }

  #choose<T>(usual: readonly T[], odd: readonly T[]): T {
    return this.#random.pick(this.#random.once(this.#odd) ? odd : usual)
  }
}

/** A few small changes at random places, nearly all behind the header. */
export function mutate(random: Random, document: string, other: string): string {
  let text = document
  const bodyAt = random.once(20) ? 0 : text.indexOf('>', text.indexOf('<stream')) + 1
  for (let k = random.below(3); k >= 0; k--) {
    const at = bodyAt + random.below(Math.max(1, text.length - bodyAt))
    const length = random.once(2) ? 1 : random.below(20)
    const cut = random.pick([0, 0, 0, length])
    text = text.slice(0, at) + inserted(random, text.slice(at, at + length), other) + text.slice(at + cut)
  }
  return text
}

function inserted(random: Random, here: string, other: string): string {
  const sort = random.below(8)
  if (sort < 3) return random.pick(TOKENS)
  if (sort < 4) return String.fromCharCode(random.below(256))
  if (sort < 5) return here
  if (sort < 6) return ''
  const start = random.below(other.length)
  return other.slice(start, start + random.below(60))
}
