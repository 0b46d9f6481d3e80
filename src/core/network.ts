import ipaddr from 'ipaddr.js'

/** What one subscriber has: the address, or of IPv6 the /64 network. The unit of limits per address. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const parsed = ipaddr.process(address.replace(/%.*$/, ''))
  return parsed.kind() === 'ipv6' ? parsed.toByteArray().slice(0, 8).join(' ') : parsed.toString()
}
