/** Punycode: the ASCII form of internationalised domain labels, without its `xn--`. RFC 3492. */

const BASE = 36
const T_MIN = 1
const T_MAX = 26
const SKEW = 38
const DAMP = 700
const INITIAL_BIAS = 72
const FIRST_NON_ASCII = 0x80
const LAST_CODE_POINT = 0x10ffff

/** Decodes the part of an A-label after `xn--`; `undefined` when it is no Punycode (RFC 3492 §6.2). */
export function decodePunycode(text: string): string | undefined {
  const delimiter = text.lastIndexOf('-')
  if (/[^\0-\x7f]/.test(text)) return undefined
  const output = Array.from(delimiter > 0 ? text.slice(0, delimiter) : '', character =>
    character.charCodeAt(0),
  )
  let position = delimiter > 0 ? delimiter + 1 : 0
  let codePoint = FIRST_NON_ASCII
  let bias = INITIAL_BIAS
  let index = 0
  while (position < text.length) {
    const before = index
    let weight = 1
    for (let k = BASE; ; k += BASE) {
      const digit = Number.parseInt(text.charAt(position++), BASE)
      if (Number.isNaN(digit)) return undefined
      // RFC 3492 §5: letters are 0 to 25, digits 26 to 35; parseInt has them the other way round.
      const value = digit < 10 ? digit + 26 : digit - 10
      index += value * weight
      const threshold = thresholdOf(k, bias)
      if (value < threshold) break
      weight *= BASE - threshold
      if (index > LAST_CODE_POINT * (output.length + 1)) return undefined
    }
    bias = adapt(index - before, output.length + 1, before === 0)
    codePoint += Math.floor(index / (output.length + 1))
    index %= output.length + 1
    if (codePoint > LAST_CODE_POINT) return undefined
    output.splice(index++, 0, codePoint)
  }
  return String.fromCodePoint(...output)
}

/** Encodes a label of at least one non-ASCII character, without the `xn--` (RFC 3492 §6.3). */
export function encodePunycode(label: string): string {
  const input = Array.from(label, character => character.codePointAt(0)!)
  const basic = input.filter(codePoint => codePoint < FIRST_NON_ASCII)
  let output = basic.length > 0 ? `${String.fromCodePoint(...basic)}-` : ''
  let codePoint = FIRST_NON_ASCII
  let delta = 0
  let bias = INITIAL_BIAS
  let handled = basic.length
  while (handled < input.length) {
    const next = Math.min(...input.filter(other => other >= codePoint))
    delta += (next - codePoint) * (handled + 1)
    codePoint = next
    for (const other of input) {
      if (other < codePoint) delta++
      if (other !== codePoint) continue
      output += encodeInteger(delta, bias)
      bias = adapt(delta, handled + 1, handled === basic.length)
      delta = 0
      handled++
    }
    delta++
    codePoint++
  }
  return output
}

/** One generalised variable-length integer (RFC 3492 §3.3). */
function encodeInteger(integer: number, bias: number): string {
  let output = ''
  let rest = integer
  for (let k = BASE; ; k += BASE) {
    const threshold = thresholdOf(k, bias)
    if (rest < threshold) return output + digitOf(rest)
    output += digitOf(threshold + ((rest - threshold) % (BASE - threshold)))
    rest = Math.floor((rest - threshold) / (BASE - threshold))
  }
}

function digitOf(value: number): string {
  return String.fromCharCode(value < 26 ? 0x61 + value : 0x30 + value - 26)
}

function thresholdOf(k: number, bias: number): number {
  return Math.min(Math.max(k - bias, T_MIN), T_MAX)
}

/** RFC 3492 §6.1: how large the next integer will probably be. */
function adapt(delta: number, points: number, first: boolean): number {
  let scaled = Math.floor(delta / (first ? DAMP : 2))
  scaled += Math.floor(scaled / points)
  let k = 0
  for (; scaled > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) scaled = Math.floor(scaled / (BASE - T_MIN))
  return k + Math.floor(((BASE - T_MIN + 1) * scaled) / (scaled + SKEW))
}
