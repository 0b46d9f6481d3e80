/** What the rules of internationalised strings ask about one code point, looked up in the generated tables. */
import { DIRECTIONS, JOINING_TYPES, PROPERTIES, VIRAMAS } from './precis-tables.generated.ts'

/**
 * A property of all code points, kept as runs of equal values and searched by halving. It is unpacked when first asked, since
 * a server that sees only ASCII addresses never asks.
 */
class CodePointTable<Value extends string> {
  private readonly packed: string
  private starts: Uint32Array | undefined
  private values = ''

  /** `packed`: run after run from U+0000 on, each its length in base 36 and its value, a capital letter. */
  constructor(packed: string) {
    this.packed = packed
  }

  get(codePoint: number): Value {
    const starts = this.starts ?? this.unpack()
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= codePoint) low = middle
      else high = middle - 1
    }
    return this.values.charAt(low) as Value
  }

  private unpack(): Uint32Array {
    const starts: number[] = []
    let next = 0
    let values = ''
    for (const [, length, value] of this.packed.matchAll(/([0-9a-z]+)([A-Z])/g)) {
      starts.push(next)
      values += value
      next += Number.parseInt(length!, 36)
    }
    this.values = values
    this.starts = Uint32Array.from(starts)
    return this.starts
  }
}

const properties = new CodePointTable<'D' | 'F' | 'P' | 'I' | 'J' | 'O'>(PROPERTIES)
const directions = new CodePointTable<Direction>(DIRECTIONS)
const joiningTypes = new CodePointTable<'D' | 'R' | 'L' | 'T' | 'U'>(JOINING_TYPES)
const viramas = new CodePointTable<'V' | 'U'>(VIRAMAS)

/**
 * Bidi_Class as far as RFC 5893 tells it apart: `L` left-to-right, `R` right-to-left (R, AL), `A` Arabic number, `E` European
 * number, `M` nonspacing mark, `N` neutral (BN, ES, CS, ET, ON). Meaningful only for what an identifier may hold.
 */
export type Direction = 'L' | 'R' | 'A' | 'E' | 'M' | 'N'

/** Which strings may hold a code point: `label` is IDNA2008 (RFC 5892), the other two are the classes of RFC 8264 §4. */
export type StringClass = 'label' | 'identifier' | 'freeform'

/** The values of the property table that each class allows, contextual ones (`J`, `O`) included. */
const ALLOWED: Record<StringClass, string> = { label: 'IJO', identifier: 'PIJO', freeform: 'FPIJO' }

export function allowedIn(stringClass: StringClass, codePoint: number): boolean {
  return ALLOWED[stringClass].includes(properties.get(codePoint))
}

/** Whether a code point is allowed only next to certain others (CONTEXTJ, CONTEXTO of RFC 5892 §3). */
export function isContextual(codePoint: number): boolean {
  const property = properties.get(codePoint)
  return property === 'J' || property === 'O'
}

export function directionOf(codePoint: number): Direction {
  return directions.get(codePoint)
}

/** Joining_Type: `D` dual, `R` right, `L` left, `T` transparent, `U` none. */
export function joiningTypeOf(codePoint: number): 'D' | 'R' | 'L' | 'T' | 'U' {
  return joiningTypes.get(codePoint)
}

/** Whether Canonical_Combining_Class is Virama. */
export function isVirama(codePoint: number): boolean {
  return viramas.get(codePoint) === 'V'
}
