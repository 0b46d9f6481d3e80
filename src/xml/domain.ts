/** Domainparts of addresses: RFC 7622 §3.2. (First version: internationalised labels follow.) */
import { PrecisError } from './precis.ts'

/** Names whose labels are all plain: letters, digits and inner hyphens, 63 at most, no `xn--`. */
const PLAIN_DOMAIN =
  /^(?!.*xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

/** Prepares a domainpart: a host name, an IPv4 address or an IPv6 literal in brackets. Throws `PrecisError`. */
export function prepareDomain(text: string): string {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  if (PLAIN_DOMAIN.test(name) || /^\[[0-9a-f:.]+\]$/i.test(name)) return name.toLowerCase()
  const labels = name.toLowerCase().normalize('NFC')
  if (!/^[a-z0-9\p{L}\p{M}\p{Nd}-]+(?:\.[a-z0-9\p{L}\p{M}\p{Nd}-]+)*$/u.test(labels))
    throw new PrecisError('is no domain name')
  return labels
}
