import { planSlots } from '../plan.ts'

/** Slots of one home that go to another; `from` is undefined where they have none. */
export interface Transfer {
  readonly from: string | undefined
  readonly to: string
  readonly slots: readonly number[]
}

/** Most slots that move at a time: their owners wait meanwhile. */
const MOST = 512

/** What has to move so that all nodes have as many slots, give or take one. Slots without a home move first. */
export function transfers(homes: readonly (string | undefined)[], nodes: readonly string[]): Transfer[] {
  const plan = planSlots(slot => homes[slot], nodes)
  const moving = homes.flatMap((home, slot) => {
    const to = plan[slot]
    return to === undefined || to === home ? [] : [{ from: home, to, slot }]
  })
  const groups = [...Map.groupBy(moving, ({ from, to }) => `${from} ${to}`).values()]
  const parts = groups.flatMap(group => {
    const { from, to } = group[0]!
    const slots = group.map(({ slot }) => slot)
    return chunks(slots).map((some): Transfer => ({ from, to, slots: some }))
  })
  return parts.sort((a, b) => Number(a.from !== undefined) - Number(b.from !== undefined))
}

function chunks(slots: readonly number[]): number[][] {
  const count = Math.ceil(slots.length / MOST)
  return Array.from({ length: count }, (_, n) => slots.slice(n * MOST, (n + 1) * MOST))
}
