/** PRECIS: which internationalised strings are names and secrets, and which of them are equal. RFC 8264, profiles of RFC 8265. */

import { allowedIn, type StringClass } from './code-points.ts'
import { obeysBidiRule, obeysContextRules } from './precis-rules.ts'

/** A string that the rules refuse. The message says why, without the string, since that may be a password. */
export class PrecisError extends Error {
  /** The code point that is not allowed, where it is one that is to blame. */
  readonly codePoint: number | undefined

  constructor(why: string, codePoint?: number) {
    super(why)
    this.name = 'PrecisError'
    this.codePoint = codePoint
  }
}

/**
 * RFC 8265 §3.3, UsernameCaseMapped: localparts of addresses. Throws `PrecisError`.
 * An empty string stays empty: whether it is allowed is the caller's rule.
 */
export function usernameCaseMapped(text: string): string {
  // RFC 8265 §3.3.1: width mapping comes before the check, so a full-width letter is welcome and a ligature is not.
  requireClass('identifier', mapWidth(text))
  return untilStable(text, once => {
    const mapped = mapWidth(once).toLowerCase().normalize('NFC')
    requireClass('identifier', mapped)
    requireContext(mapped)
    // RFC 8265 §3.3.2: the Bidi Rule applies to strings that contain right-to-left code points.
    if (!obeysBidiRule([mapped])) throw new PrecisError('breaks the rule for right-to-left text')
    return mapped
  })
}

/** RFC 8265 §4.2, OpaqueString: resourceparts of addresses, passwords. Case and width stay as they are. Throws `PrecisError`. */
export function opaqueString(text: string): string {
  requireClass('freeform', text)
  return untilStable(text, once => {
    // RFC 8265 §4.2.2: each non-ASCII space becomes a plain one.
    const mapped = once.replace(/\p{Zs}/gu, ' ').normalize('NFC')
    requireClass('freeform', mapped)
    requireContext(mapped)
    return mapped
  })
}

/**
 * Replaces full-width and half-width forms by what they decompose to (RFC 8264 §5.2.1). Half-width Hangul goes further, to
 * conjoining Jamo, which makes no difference: no class that is width-mapped allows either.
 */
export function mapWidth(text: string): string {
  return text.replace(/[\u3000\uff01-\uffee]/g, form => form.normalize('NFKC'))
}

/** Throws `PrecisError` for the first code point that the class does not allow. */
export function requireClass(stringClass: StringClass, text: string): void {
  for (const character of text) {
    const codePoint = character.codePointAt(0)!
    if (!allowedIn(stringClass, codePoint))
      throw new PrecisError('contains a character that is not allowed', codePoint)
  }
}

/** Throws `PrecisError` where a character stands without the neighbours it needs (RFC 5892 appendix A). */
export function requireContext(text: string): void {
  if (!obeysContextRules(text))
    throw new PrecisError('contains a character that is not allowed in this place')
}

/** RFC 8264 §7: rules are applied until nothing changes, four times at most; what still changes then is refused. */
function untilStable(text: string, apply: (text: string) => string): string {
  let before = text
  for (let round = 0; round < 4; round++) {
    const after = apply(before)
    if (after === before) return after
    before = after
  }
  throw new PrecisError('has no stable form')
}
