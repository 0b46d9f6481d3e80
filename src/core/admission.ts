import { networkOf } from './network.ts'

/** How many connections may be open that have not signed in yet. Infinity: no limit. */
export interface AdmissionLimits {
  readonly total: number
  /** From one address, or from one /64 network of IPv6, since that is what one subscriber has. */
  readonly perAddress: number
}

/** Counts the connections that have not signed in, so that strangers can't use up what members need. */
export class Admission<T> {
  /** For those who come from now on. */
  limits: AdmissionLimits
  readonly #networks = new Map<T, string>()
  readonly #counts = new Map<string, number>()

  constructor(limits: AdmissionLimits) {
    this.limits = limits
  }

  /** Takes a place for a connection from this address; false: there is none left. */
  admit(connection: T, address: string): boolean {
    const network = networkOf(address)
    const count = this.#counts.get(network) ?? 0
    if (this.#networks.size >= this.limits.total || count >= this.limits.perAddress) return false
    this.#networks.set(connection, network)
    this.#counts.set(network, count + 1)
    return true
  }

  /** Gives the place back: the connection has signed in, or is gone. Harmless when it has none. */
  release(connection: T): void {
    const network = this.#networks.get(connection)
    if (network === undefined) return
    this.#networks.delete(connection)
    const count = this.#counts.get(network) ?? 0
    if (count > 1) this.#counts.set(network, count - 1)
    else this.#counts.delete(network)
  }

  /** Whether a connection holds a place. */
  has(connection: T): boolean {
    return this.#networks.has(connection)
  }

  /** Connections that hold a place. */
  get total(): number {
    return this.#networks.size
  }
}
