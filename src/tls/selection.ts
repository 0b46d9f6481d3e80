import type { Pair } from './pair.ts'

/** Which of the loaded pairs is shown for which name. */
export class Selection {
  /** By host name, and under `''` the one for hosts without their own. */
  readonly pairs: ReadonlyMap<string, Pair>
  private readonly byName = new Map<string, Pair>()
  private readonly fallback: Pair

  /** `hosts` as A-labels, one at least, each with a pair of its own or one under `''`. */
  constructor(hosts: readonly string[], pairs: ReadonlyMap<string, Pair>) {
    this.pairs = pairs
    this.fallback = pairs.get(hosts[0]!) ?? pairs.get('')!
    // The operator's word for a host stands above what certificates say of themselves.
    for (const host of hosts) {
      const own = pairs.get(host)
      if (own !== undefined) this.byName.set(host, own)
    }
    for (const pair of this.all())
      for (const name of pair.names) if (!this.byName.has(name)) this.byName.set(name, pair)
  }

  /** The pair for a name sent by SNI: by host, by exact SAN, by wildcard; else, or without a name, the default. */
  choose(servername: string | undefined): Pair {
    if (servername === undefined) return this.fallback
    const name = servername.toLowerCase()
    return this.byName.get(name) ?? this.byName.get(wildcardFor(name)) ?? this.fallback
  }

  /** Every pair once, the default first. */
  all(): Pair[] {
    return [...new Set([this.fallback, ...this.pairs.values()])]
  }
}

/** RFC 6125 §6.4.3: a wildcard stands for exactly the left-most label. */
function wildcardFor(name: string): string {
  return `*${name.slice(name.indexOf('.'))}`
}
