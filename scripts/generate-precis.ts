/**
 * Writes src/xml/precis-tables.generated.ts: what RFC 8264 (PRECIS), RFC 5892 (IDNA2008) and RFC 5893 (bidi) need to know of
 * each code point. Nearly all of it follows from JavaScript's own Unicode properties. JavaScript has no Bidi_Class and no
 * Joining_Type, so what they cannot be told from is listed here, for the code points that identifiers may contain, after
 * DerivedBidiClass.txt and ArabicShaping.txt of Unicode 17. A newer Unicode version makes this script stop and ask for a look.
 */
import { writeFileSync } from 'node:fs'

const LISTED_FOR_UNICODE = '17.0'
const LAST_CODE_POINT = 0x10ffff

type Property = 'D' | 'F' | 'P' | 'I' | 'J' | 'O'

/** RFC 5892 §2.6 (the same list as RFC 8264 §9.6). */
const EXCEPTIONS: [Property, [number, number][]][] = [
  ['I', ranges('df 3c2 6fd-6fe f0b 3007')],
  ['O', ranges('b7 375 5f3-5f4 660-669 6f0-6f9 30fb')],
  ['D', ranges('640 7fa 302e-302f 3031-3035 303b')],
]
/** RFC 5892 §2.9: Hangul_Syllable_Type L, V or T, which the stability policy fixes. */
const OLD_HANGUL_JAMO = ranges('1100-11ff a960-a97c d7b0-d7c6 d7cb-d7fb')
/** RFC 5892 §2.4: combining marks for symbols, musical symbols, ancient Greek musical notation. */
const IGNORABLE_BLOCKS = ranges('20d0-20ff 1d100-1d1ff 1d200-1d24f')

/** Blocks whose letters and digits are written from right to left (Bidi_Class R or AL) unless listed below. */
const RIGHT_TO_LEFT_BLOCKS = ranges('590-8ff fb1d-fdff fe70-feff 10800-10fff 1e800-1efff')
const ARABIC_NUMBERS = ranges('660-669 10d30-10d39 10d40-10d49')
const EUROPEAN_NUMBERS = ranges('30-39 6f0-6f9')
/** Nonspacing by category, but left-to-right by Bidi_Class. */
const LEFT_TO_RIGHT_MARKS = ranges('cbf cc6 11a07-11a08 11c3f')
/** Letters, punctuation and joiners without a direction (BN, ES, CS, ET, ON), besides those of ASCII. */
const NEUTRALS = ranges('b7 2b9-2ba 2c6-2cf 2ec 375 2e2f 200c-200d 30fb a67f a717-a71f a788')

const DUAL_JOINING =
  ranges(`620 626 628 62a-62e 633-63f 641-647 649-64a 66e-66f 678-687 69a-6bf 6c1-6c2 6cc 6ce 6d0-6d1
  6fa-6fc 6ff 712-714 71a-71d 71f-727 729 72b 72d-72e 74e-758 75c-76a 76d-770 772 775-777 77a-77f 7ca-7ea 841-845 848 84a-853
  855 860 862-865 868 886 889-88d 88f 8a0-8a9 8af-8b0 8b3-8b8 8ba-8c8 1807 1820-1878 1887-18a8 18aa a840-a871 10ac0-10ac4
  10ad3-10ad6 10ad8-10adc 10ade-10ae0 10aeb-10aee 10b80 10b82 10b86-10b88 10b8a-10b8b 10b8d 10b90 10bad-10bae 10d01-10d21
  10d23 10ec3-10ec4 10ec6-10ec7 10f30-10f32 10f34-10f44 10f51-10f53 10f70-10f73 10f76-10f81 10fb0 10fb2-10fb3 10fb8
  10fbb-10fbc 10fbe-10fbf 10fc1 10fc4 10fca 1e900-1e943`)
const RIGHT_JOINING =
  ranges(`622-625 627 629 62f-632 648 671-673 675-677 688-699 6c0 6c3-6cb 6cd 6cf 6d2-6d3 6d5 6ee-6ef 710
  715-719 71e 728 72a 72c 72f 74d 759-75b 76b-76c 771 773-774 778-779 840 846-847 849 854 856-858 867 869-86a 870-882 88e
  8aa-8ac 8ae 8b1-8b2 8b9 10ac5 10ac7 10ac9-10aca 10ace-10ad2 10add 10ae1 10ae4 10aef 10b81 10b83-10b85 10b89 10b8c
  10b8e-10b8f 10b91 10ba9-10bac 10d22 10ec2 10f33 10f54 10f74-10f75 10fb4-10fb6 10fb9-10fba 10fbd 10fc2-10fc3 10fc9`)
const LEFT_JOINING = ranges('a872 10acd 10ad7 10d00 10fcb')
/** Transparent although a letter. Else transparent is what is nonspacing, enclosing or a format character (ArabicShaping.txt). */
const TRANSPARENT_LETTERS = ranges('1e94b')

/** `D` disallowed, `F` only FreeformClass, `P` also IdentifierClass, `I` also IDNA2008, `J` CONTEXTJ, `O` CONTEXTO. RFC 8264 §8. */
function property(code: number, text: string): Property {
  for (const [value, list] of EXCEPTIONS) if (within(code, list)) return value
  if (/[\p{Cn}\p{Cs}\p{Co}]/u.test(text)) return 'D'
  if (code >= 0x21 && code <= 0x7e) return /[a-z0-9-]/.test(text) ? 'I' : 'P'
  if (/\p{Join_Control}/u.test(text)) return 'J'
  if (within(code, OLD_HANGUL_JAMO)) return 'D'
  if (/[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Cc}]/u.test(text)) return 'D'
  if (text.normalize('NFKC') !== text) return 'F'
  if (/[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]/u.test(text)) return inLabels(code, text) ? 'I' : 'P'
  return /[\p{Lt}\p{Nl}\p{No}\p{Me}\p{Zs}\p{S}\p{P}]/u.test(text) ? 'F' : 'D'
}

/** RFC 5892 §2.2, §2.4: a label holds only what case folding with NFKC leaves alone, and no marks for symbols or music. */
function inLabels(code: number, text: string): boolean {
  return !/\p{Changes_When_NFKC_Casefolded}/u.test(text) && !within(code, IGNORABLE_BLOCKS)
}

/** `L`, `R` (R or AL), `A` (AN), `E` (EN), `M` (NSM) or `N` (BN, ES, CS, ET, ON); only asked of what an identifier may hold. RFC 5893 §2. */
function direction(code: number, text: string): string {
  if (within(code, ARABIC_NUMBERS)) return 'A'
  if (within(code, EUROPEAN_NUMBERS)) return 'E'
  if (within(code, NEUTRALS) || (code < 0x80 && !/[A-Za-z]/.test(text))) return 'N'
  if (/\p{Mn}/u.test(text) && !within(code, LEFT_TO_RIGHT_MARKS)) return 'M'
  return within(code, RIGHT_TO_LEFT_BLOCKS) ? 'R' : 'L'
}

/** `D`, `R`, `L`, `T` or `U` (does not join): Joining_Type, for RFC 5892 appendix A.1. */
function joining(code: number, text: string): string {
  if (within(code, DUAL_JOINING)) return 'D'
  if (within(code, RIGHT_JOINING)) return 'R'
  if (within(code, LEFT_JOINING)) return 'L'
  return /\p{Mn}/u.test(text) || within(code, TRANSPARENT_LETTERS) ? 'T' : 'U'
}

/** Whether Canonical_Combining_Class is 9 (Virama). Canonical ordering shows it: such a mark goes after class 8 and before class 10. */
function virama(text: string): 'V' | 'U' {
  const [class8, class10] = ['\u3099', '\u05b0']
  if (text === class8 || text === class10) return 'U'
  const sortsAfter8 = (text + class8).normalize('NFD') === class8 + text
  return sortsAfter8 && (class10 + text).normalize('NFD') === text + class10 ? 'V' : 'U'
}

/** Parses `a-b c ...` (hexadecimal) into pairs of first and last. */
function ranges(text: string): [number, number][] {
  return text.split(/\s+/).map(range => {
    const [first, last] = range.split('-')
    return [Number.parseInt(first!, 16), Number.parseInt(last ?? first!, 16)]
  })
}

function within(code: number, list: [number, number][]): boolean {
  return list.some(([first, last]) => code >= first && code <= last)
}

/** Values of all code points as runs: the length in base 36, then the value's capital letter. `undefined` lengthens the run before it. */
function encode(values: (string | undefined)[]): string {
  let text = ''
  let value = values.find(one => one !== undefined)!
  let length = 0
  for (const next of values) {
    if (next !== undefined && next !== value) {
      text += length.toString(36) + value
      value = next
      length = 0
    }
    length++
  }
  return text + length.toString(36) + value
}

/** The text of precis-tables.generated.ts. */
export function precisTables(): string {
  const version = process.versions.unicode
  if (version !== LISTED_FOR_UNICODE)
    throw new Error(
      `the lists of this script are for Unicode ${LISTED_FOR_UNICODE}, this Node has ${version}: compare them`,
    )
  const properties: Property[] = []
  const directions: (string | undefined)[] = []
  const joinings: (string | undefined)[] = []
  const viramas: (string | undefined)[] = []
  for (let code = 0; code <= LAST_CODE_POINT; code++) {
    const text = String.fromCodePoint(code)
    const value = property(code, text)
    const identifier = value !== 'D' && value !== 'F'
    properties.push(value)
    directions.push(identifier ? direction(code, text) : undefined)
    joinings.push(identifier ? joining(code, text) : undefined)
    viramas.push(identifier ? virama(text) : undefined)
  }
  return `// Generated by scripts/generate-precis.ts from Unicode ${version}: do not edit. Its functions say what the letters mean.
export const PROPERTIES = '${encode(properties)}'
export const DIRECTIONS = '${encode(directions)}'
export const JOINING_TYPES = '${encode(joinings)}'
export const VIRAMAS = '${encode(viramas)}'
`
}

if (import.meta.main)
  writeFileSync(new URL('../src/xml/precis-tables.generated.ts', import.meta.url), precisTables())
