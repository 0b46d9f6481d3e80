/** From the text of validated XML to what it stands for. */

const PREDEFINED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** What a piece of character data means: line ends become '\n' (XML 1.0 §2.11), references their characters. */
export function decodeText(raw: string): string {
  return resolveReferences(decodeLineEnds(raw))
}

/** What a CDATA section means: only line ends count in it. */
export function decodeLineEnds(raw: string): string {
  return raw.includes('\r') ? raw.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : raw
}

/** What an attribute value means: white space becomes spaces (XML 1.0 §3.3.3), references their characters. */
export function decodeValue(raw: string): string {
  return resolveReferences(
    raw.replaceAll('\r\n', ' ').replaceAll('\r', ' ').replaceAll('\n', ' ').replaceAll('\t', ' '),
  )
}

function resolveReferences(text: string): string {
  let ampersand = text.indexOf('&')
  if (ampersand < 0) return text
  let decoded = ''
  let copied = 0
  for (; ampersand >= 0; ampersand = text.indexOf('&', copied)) {
    const semicolon = text.indexOf(';', ampersand)
    decoded += text.slice(copied, ampersand) + resolve(text.slice(ampersand + 1, semicolon))
    copied = semicolon + 1
  }
  return decoded + text.slice(copied)
}

function resolve(reference: string): string {
  if (!reference.startsWith('#')) return PREDEFINED[reference]!
  const hexadecimal = reference.startsWith('#x')
  return String.fromCodePoint(Number.parseInt(reference.slice(hexadecimal ? 2 : 1), hexadecimal ? 16 : 10))
}
