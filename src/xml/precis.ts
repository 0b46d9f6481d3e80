/** PRECIS profiles for addresses and passwords: RFC 8264, RFC 8265. (First version: the tables follow.) */

/** A string that a profile refuses. The message says why, without the string. */
export class PrecisError extends Error {}

const IDENTIFIER = /^[!-~\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}]+$/u
const FREEFORM = /^[ -~\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u

/** RFC 8265 §3.3: usernames. */
export function usernameCaseMapped(text: string): string {
  const mapped = text
    .replace(/[\u3000\uff01-\uffee]/g, wide => wide.normalize('NFKC'))
    .toLowerCase()
    .normalize('NFC')
  if (!IDENTIFIER.test(mapped)) throw new PrecisError('contains a character that is not allowed')
  return mapped
}

/** RFC 8265 §4.2: opaque strings, such as resources and passwords. */
export function opaqueString(text: string): string {
  const mapped = text.replace(/\p{Zs}/gu, ' ').normalize('NFC')
  if (!FREEFORM.test(mapped)) throw new PrecisError('contains a character that is not allowed')
  return mapped
}
