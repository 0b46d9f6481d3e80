/** Into so many slots the owners are put; a slot as a whole has one node as its home. */
export const SLOTS = 4096

/** The slot of an owner (a bare JID's text): FNV-1a, 32 bits, which spreads names evenly and is the same in every process. */
export function slotOf(owner: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < owner.length; i++) value = Math.imul(value ^ owner.charCodeAt(i), 0x01000193)
  return (value >>> 0) % SLOTS
}
