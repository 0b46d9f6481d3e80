import ipaddr from 'ipaddr.js'

/** Tells whether an address belongs to one of these addresses or networks (`10.0.0.0/8`). Throws on what is neither. */
export function trustedAddresses(networks: readonly string[]): (address: string) => boolean {
  const parsed = networks.map(network =>
    network.includes('/') ? ipaddr.parseCIDR(network) : wholeAddress(network),
  )
  return address => {
    if (parsed.length === 0 || !ipaddr.isValid(address)) return false
    const own = ipaddr.process(address)
    return parsed.some(([network, bits]) => network.kind() === own.kind() && own.match(network, bits))
  }
}

function wholeAddress(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
