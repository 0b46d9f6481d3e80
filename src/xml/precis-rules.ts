/** Rules about whole strings that PRECIS and IDNA2008 share: neighbours (RFC 5892 appendix A) and direction (RFC 5893). */
import { type Direction, directionOf, isContextual, isVirama, joiningTypeOf } from './code-points.ts'

/** Whether each code point that is allowed only in some contexts stands in one (RFC 5892 appendix A). */
export function obeysContextRules(text: string): boolean {
  const codePoints = Array.from(text, character => character.codePointAt(0)!)
  if (!codePoints.some(isContextual)) return true
  // A.7 KATAKANA MIDDLE DOT: where something in the string is Japanese.
  if (text.includes('\u30fb') && !/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(text))
    return false
  // A.8, A.9: Arabic-Indic and extended Arabic-Indic digits do not mix.
  if (/[\u0660-\u0669]/.test(text) && /[\u06f0-\u06f9]/.test(text)) return false
  return codePoints.every((_, at) => hasItsNeighbours(codePoints, at))
}

/** RFC 5892 appendix A.1-A.6: the rules that look at what stands beside the code point at `at`. */
function hasItsNeighbours(text: number[], at: number): boolean {
  const before = text[at - 1]
  const after = text[at + 1]
  switch (text[at]) {
    case 0x200c: // A.1 ZERO WIDTH NON-JOINER: after a virama, or between letters that would join.
      return followsVirama(before) || breaksJoining(text, at)
    case 0x200d: // A.2 ZERO WIDTH JOINER: after a virama.
      return followsVirama(before)
    case 0xb7: // A.3 MIDDLE DOT: between two l.
      return before === 0x6c && after === 0x6c
    case 0x375: // A.4 GREEK LOWER NUMERAL SIGN: before a Greek letter.
      return isOfScript(/\p{Script=Greek}/u, after)
    case 0x5f3: // A.5 HEBREW PUNCTUATION GERESH: after a Hebrew letter.
    case 0x5f4: // A.6 HEBREW PUNCTUATION GERSHAYIM: likewise.
      return isOfScript(/\p{Script=Hebrew}/u, before)
    default:
      return true
  }
}

function followsVirama(before: number | undefined): boolean {
  return before !== undefined && isVirama(before)
}

/** RFC 5892 appendix A.1: a left- or dual-joining letter before, a right- or dual-joining one after, only transparent marks between. */
function breaksJoining(text: number[], at: number): boolean {
  const before = text.slice(0, at).findLast(codePoint => joiningTypeOf(codePoint) !== 'T')
  const after = text.slice(at + 1).find(codePoint => joiningTypeOf(codePoint) !== 'T')
  if (before === undefined || after === undefined) return false
  return 'LD'.includes(joiningTypeOf(before)) && 'RD'.includes(joiningTypeOf(after))
}

function isOfScript(script: RegExp, codePoint: number | undefined): boolean {
  return codePoint !== undefined && script.test(String.fromCodePoint(codePoint))
}

/**
 * RFC 5893 §2: the Bidi Rule, for the labels of one name. Names without any right-to-left code point obey it; in all others
 * each label must, the left-to-right ones too.
 */
export function obeysBidiRule(labels: string[]): boolean {
  const directions = labels.map(label =>
    Array.from(label, character => directionOf(character.codePointAt(0)!)),
  )
  // RFC 5893 §1.4: what makes a name a "Bidi domain name" is a code point of class R, AL or AN.
  const rightToLeft = directions.some(label =>
    label.some(direction => direction === 'R' || direction === 'A'),
  )
  return !rightToLeft || directions.every(obeysConditions)
}

/** The six conditions of RFC 5893 §2 for one label. */
function obeysConditions(label: Direction[]): boolean {
  const last = label.findLast(direction => direction !== 'M')
  switch (label[0]) {
    case 'R': // Conditions 2 to 4.
      return !label.includes('L') && last !== 'N' && !(label.includes('E') && label.includes('A'))
    case 'L': // Conditions 5 and 6.
      return !label.includes('R') && !label.includes('A') && last !== 'N'
    default: // Condition 1.
      return false
  }
}
