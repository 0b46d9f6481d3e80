import type { MonotonicClock } from '../clock.ts'
import type { Links } from '../links/links.ts'
import type { Lease } from './lease.ts'
import type { Members } from './members.ts'
import type { ClusterEvent } from './options.ts'
import type { Registry, Sight } from './registry.ts'

/** What a node needs to look after the others. */
export interface NeighbourParts {
  readonly node: string
  readonly members: Members
  readonly links: Links
  readonly registry: Registry
  readonly lease: Lease
  readonly clock: MonotonicClock
  /** ms */
  readonly leaseMs: number
  readonly heartbeat: number
  readonly report: (event: ClusterEvent) => void
  /** One has gone for good. */
  readonly lost: (node: string) => void
  /** One was given up: Redis has news. */
  readonly buried: () => void
  readonly troubled: (trouble: unknown) => void
}

/** Looks for the dead are so many times as frequent as beats: they cost nothing. */
const WATCHES_PER_BEAT = 4

/** The other nodes of a cluster: links to those that come, an end to those that go, and those that say nothing any more are given up. */
export class Neighbours {
  readonly #parts: NeighbourParts
  /** Nodes that this one cannot reach any more though they are alive. */
  readonly unreachable = new Set<string>()
  /** Since when this node is the one to go. */
  #cutSince: number | undefined
  #watching: { cancel(): void } | undefined

  constructor(parts: NeighbourParts) {
    this.#parts = parts
  }

  /** Redis has said who is there; `whole`: whether its list is known to be whole. */
  meet(sight: Sight, now: number, whole: boolean): void {
    const { node: own, members, links, report, lost } = this.#parts
    const { come, gone } = members.take(sight, now, whole)
    for (const [node, { address }] of come) {
      if (node === own) continue
      if (links.hasGone(node)) {
        // It was given up, and Redis has forgotten that: it is told once more. Nothing that it knows is so any more.
        members.delete(node)
        this.#bury(node, sight.members.get(node)!.text)
        continue
      }
      links.reach(node, address)
      report({ kind: 'joined', node })
    }
    for (const node of gone) {
      this.unreachable.delete(node)
      links.end(node)
      report({ kind: 'left', node })
      lost(node)
    }
  }

  /** Whether this node is to go, and has been for so long that the others it cannot reach are not just dying. */
  mustGo(now: number): boolean {
    if (!this.#parts.members.mustGo(this.unreachable)) this.#cutSince = undefined
    else this.#cutSince ??= now
    return this.#cutSince !== undefined && now - this.#cutSince >= this.#parts.leaseMs
  }

  /** Begins to look for nodes that have said nothing for the time of a lease, and gives them up. */
  watch(): void {
    const { clock, heartbeat, lease, members } = this.#parts
    this.#watching = clock.after(heartbeat / WATCHES_PER_BEAT, () => {
      const now = clock.monotonic()
      if (lease.serving) for (const [node, text] of members.silent(now)) this.#bury(node, text)
      this.watch()
    })
  }

  /** Looks no more. */
  stop(): void {
    this.#watching?.cancel()
  }

  #bury(node: string, text: string): void {
    const { registry, buried, troubled } = this.#parts
    registry.bury(node, text).then(buried, troubled)
  }
}
