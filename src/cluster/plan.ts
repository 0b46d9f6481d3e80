import { SLOTS } from './slots.ts'

/**
 * Which node is to have each slot: as many each, give or take one, and no more moves than that takes. All nodes that see the same come to the
 * same plan.
 *
 * @param holder who has a slot now
 * @param nodes those that may have slots
 * @returns a name for each slot; undefined without any node
 */
export function planSlots(
  holder: (slot: number) => string | undefined,
  nodes: readonly string[],
): readonly (string | undefined)[] {
  const plan = Array.from({ length: SLOTS }, (_, slot) => holder(slot))
  const counts = new Map(nodes.map(node => [node, 0]))
  for (const node of plan) {
    const count = node === undefined ? undefined : counts.get(node)
    if (count !== undefined) counts.set(node!, count + 1)
  }
  const shares = sharesOf(counts)
  const free: number[] = []
  const kept = new Map<string, number>()
  for (let slot = 0; slot < SLOTS; slot++) {
    const node = plan[slot] ?? ''
    const count = kept.get(node) ?? 0
    if (count < (shares.get(node) ?? 0)) kept.set(node, count + 1)
    else free.push(slot)
  }
  const takers = [...shares].flatMap(([node, share]) =>
    Array<string>(Math.max(0, share - (kept.get(node) ?? 0))).fill(node),
  )
  for (const [i, slot] of free.entries()) plan[slot] = takers[i]
  return plan
}

/** How many each is to have. Where they do not come out even, those that have most have one more: it need not move. */
function sharesOf(counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const nodes = [...counts].sort(([a, of], [b, than]) => than - of || (a < b ? -1 : 1))
  const more = SLOTS % nodes.length
  return new Map(nodes.map(([node], i) => [node, Math.floor(SLOTS / nodes.length) + (i < more ? 1 : 0)]))
}
