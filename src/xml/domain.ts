/** Domainparts of addresses: host names with internationalised labels, IPv4 addresses, IPv6 literals. RFC 7622 §3.2. */
import ipaddr from 'ipaddr.js'
import { mapWidth, PrecisError, requireClass, requireContext } from './precis.ts'
import { obeysBidiRule } from './precis-rules.ts'
import { decodePunycode, encodePunycode } from './punycode.ts'

/** RFC 1035 §2.3.4; RFC 5890 §2.3.2.1 asks it of the ASCII form of an internationalised label. */
const MAX_LABEL_BYTES = 63
const PLAIN_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
/** Names that need only lower case: plain labels, none of them `xn--`. IPv4 addresses are among them. */
const PLAIN_NAME =
  /^(?!.*xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

/**
 * Prepares a domainpart: lower case, U-labels, no trailing dot. Node's `url.domainToUnicode` is no help here: it is made for
 * browsers and also decodes percent signs, drops soft hyphens and reads `1.2` as 1.0.0.2. Throws `PrecisError`.
 */
export function prepareDomain(text: string): string {
  if (text.startsWith('[')) return prepareLiteral(text)
  // RFC 5895 §2 (the mapping that RFC 7622 §3.2.2 asks for), with U+3002 as a dot like any other.
  const plain = /^[\0-\x7f]*$/.test(text)
  const mapped = plain
    ? text.toLowerCase()
    : mapWidth(text).toLowerCase().normalize('NFC').replaceAll('\u3002', '.')
  // RFC 7622 §3.2: a final dot is stripped before any other rule.
  const name = mapped.endsWith('.') ? mapped.slice(0, -1) : mapped
  if (PLAIN_NAME.test(name)) return name
  const labels = name.split('.').map(prepareLabel)
  if (!obeysBidiRule(labels)) throw new PrecisError('breaks the rule for right-to-left text')
  return labels.join('.')
}

/** One label that is already mapped; an A-label becomes its U-label (RFC 7622 §3.2.1). */
function prepareLabel(label: string): string {
  if (label === '') throw new PrecisError('has an empty label')
  if (label.startsWith('xn--')) return fromALabel(label)
  if (/^[\0-\x7f]+$/.test(label)) return requirePlainLabel(label)
  requireULabel(label)
  // Each character makes one of ASCII or more, so what is far too long need not be encoded to know it.
  if (label.length > 2 * MAX_LABEL_BYTES || toALabel(label).length > MAX_LABEL_BYTES)
    throw new PrecisError('has a label of more than 63 bytes')
  return label
}

function requirePlainLabel(label: string): string {
  if (label.length > MAX_LABEL_BYTES) throw new PrecisError('has a label of more than 63 bytes')
  if (!PLAIN_LABEL.test(label))
    throw new PrecisError('has a label that is not of letters, digits and inner hyphens')
  return label
}

/** RFC 5891 §4.2.3: what a U-label must not be. */
function requireULabel(label: string): void {
  if (label.startsWith('-') || label.endsWith('-'))
    throw new PrecisError('has a label with a hyphen at its edge')
  if (label.slice(2, 4) === '--') throw new PrecisError('has a label with hyphens in third and fourth place')
  if (/^\p{M}/u.test(label)) throw new PrecisError('has a label that starts with a combining mark')
  requireClass('label', label)
  requireContext(label)
}

/** RFC 5891 §5.4: an A-label counts only when it is the A-label of a valid U-label. */
function fromALabel(label: string): string {
  const decoded = label.length > MAX_LABEL_BYTES ? undefined : decodePunycode(label.slice(4))
  if (
    decoded === undefined ||
    /^[\0-\x7f]*$/.test(decoded) ||
    decoded.normalize('NFC') !== decoded ||
    toALabel(decoded) !== label
  )
    throw new PrecisError('has a label that only looks internationalised')
  requireULabel(decoded)
  return decoded
}

function toALabel(label: string): string {
  return `xn--${encodePunycode(label)}`
}

/** RFC 7622 §3.2, RFC 3986 §3.2.2: an IPv6 address in brackets, in the one form of RFC 5952. Zones are no longer part of it (RFC 9844). */
function prepareLiteral(text: string): string {
  const address = text.endsWith(']') ? text.slice(1, -1) : ''
  if (address.includes('%') || !ipaddr.IPv6.isValid(address))
    throw new PrecisError('is no IPv6 address in brackets')
  return `[${ipaddr.IPv6.parse(address).toRFC5952String()}]`
}
