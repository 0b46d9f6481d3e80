/** `{name}` in the XML of a dialogue. */

/** What captures and clients' addresses stand for. */
export type Values = Map<string, string>

const PLACEHOLDER = /\{\{|\{(!?[a-z][a-z0-9.-]*)\}/gi
const REPEAT = /\{repeat (\d+) ([^{}]+)\}/g
const FUNCTION = /\{base64 ((?:[^{}]|\{[a-z][a-z0-9.-]*\})*)\}/g

/**
 * Fills placeholders of a text to be sent: `{name}` by its value, `{base64 text}` by the text in Base64 (with the escapes of
 * `unescapeText`, so `{base64 \0alice\0secret}` is PLAIN), `{repeat 1000 x}` by as many of them, `{{` by a brace.
 */
export function fill(text: string, values: Values): string {
  const simple = (part: string) =>
    part.replace(PLACEHOLDER, (whole, name: string | undefined) => {
      if (name === undefined) return '{'
      const value = values.get(name)
      if (value === undefined) throw new Error(`nothing has given ${whole} a value yet`)
      return value
    })
  const repeated = text.replace(REPEAT, (_, count: string, part: string) => part.repeat(Number(count)))
  const coded = repeated.replace(FUNCTION, (_, inner: string) =>
    Buffer.from(unescapeText(simple(inner)), 'latin1').toString('base64'),
  )
  return simple(coded)
}

/**
 * Compares a text with a pattern: `{any}` matches any text, `{name}` its value or, when it has none yet, any text, which becomes its value;
 * `{!name}` anything but its value.
 * Values are taken only when all of it matches.
 */
export function matches(pattern: string, text: string, values: Values): boolean {
  const names: string[] = []
  let source = ''
  let last = 0
  for (const match of pattern.matchAll(PLACEHOLDER)) {
    source += quoted(pattern.slice(last, match.index))
    last = match.index + match[0].length
    const name = match[1]
    const value = name === undefined ? '{' : values.get(name)
    if (name?.startsWith('!')) source += `(?!${quoted(values.get(name.slice(1)) ?? '')}$).*`
    else if (value !== undefined) source += quoted(value)
    else {
      names.push(name ?? '')
      source += '(.*?)'
    }
  }
  const found = new RegExp(`^${source}${quoted(pattern.slice(last))}$`, 's').exec(text)
  if (found === null) return false
  for (const [i, name] of names.entries()) if (name !== 'any') values.set(name, found[i + 1] ?? '')
  return true
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** A pattern with the values it has so far, for people. */
export function show(pattern: string, values: Values): string {
  return pattern.replace(PLACEHOLDER, (whole, name: string | undefined) =>
    name === undefined ? '{' : (values.get(name) ?? whole),
  )
}

/** Bytes written as text: `\r` `\n` `\t` `\0` `\\` and `\xHH`; other characters as UTF-8. The result has one character per byte (latin1). */
export function unescapeText(text: string): string {
  const bytes = Buffer.from(text).toString('latin1')
  return bytes.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (whole, body: string) => {
    const simple = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }[body]
    if (simple !== undefined) return simple
    if (body.length !== 3) throw new Error(`unknown escape ${whole}`)
    return String.fromCharCode(Number.parseInt(body.slice(1), 16))
  })
}
