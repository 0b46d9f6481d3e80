import { isCharacter } from './bytes.ts'

/** What stands for a character that XML can't hold: one bad character must not end the stream of whoever gets it. */
const REPLACEMENT = '\ufffd'

const IN_VALUE: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  "'": '&apos;',
  // XML 1.0 §3.3.3: written plainly, a parser would make spaces of these.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}
const IN_TEXT: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

/** ASCII that an attribute value can't hold as it is. */
const SPECIAL_IN_VALUE = specials(IN_VALUE)
const SPECIAL_IN_TEXT = specials(IN_TEXT)

/** Makes an attribute value of any string, for quotes of either kind. */
export function escapeValue(text: string): string {
  return isPlain(text, SPECIAL_IN_VALUE) ? text : escapeSlowly(text, IN_VALUE)
}

/** Makes character data of any string. */
export function escapeText(text: string): string {
  return isPlain(text, SPECIAL_IN_TEXT) ? text : escapeSlowly(text, IN_TEXT)
}

function isPlain(text: string, special: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80 ? special[unit] === 1 : unit >= 0xd800 && (unit <= 0xdfff || unit >= 0xfffe)) return false
  }
  return true
}

function escapeSlowly(text: string, escapes: Readonly<Record<string, string>>): string {
  let escaped = ''
  for (const character of text) {
    escaped += escapes[character] ?? (isCharacter(character.codePointAt(0)!) ? character : REPLACEMENT)
  }
  return escaped
}

function specials(escapes: Readonly<Record<string, string>>): Uint8Array {
  const table = new Uint8Array(0x80)
  for (let code = 0; code < 0x80; code++) {
    if (!isCharacter(code) || escapes[String.fromCharCode(code)] !== undefined) table[code] = 1
  }
  return table
}
