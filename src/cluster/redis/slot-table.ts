/**
 * Whose the slots are, as Redis has it: for each slot a node's name of eight characters and one that says how it stands. One text of
 * `SLOTS` such entries.
 */
import { SLOTS } from '../slots.ts'

/** How long the name of a node is. */
export const NAME_LENGTH = 8
/** How long an entry is. */
const ENTRY_LENGTH = NAME_LENGTH + 1

/** In place of a name. */
const NOBODY = '-'.repeat(NAME_LENGTH)

/**
 * How a slot stands. `ready`: the node is its home. `leaving`: the node hands it over, and is its home no more. `moving`: the node has it and
 * is not its home yet. `free`: given back in order; the next one need not wait for anything. `unknown`: never taken.
 */
export type Standing = 'ready' | 'leaving' | 'moving' | 'free' | 'unknown'

const LETTERS: Readonly<Record<Standing, string>> = {
  ready: 'r',
  leaving: 'l',
  moving: 'm',
  free: 'f',
  unknown: 'n',
}

/** An entry of the table. */
export function entryOf(node: string, standing: 'ready' | 'leaving' | 'moving'): string {
  return node + LETTERS[standing]
}

/** The entry of a slot that was given back. */
export const FREE = NOBODY + LETTERS.free
/** The entry of a slot that nobody has ever had, as far as Redis knows. */
export const UNKNOWN = NOBODY + LETTERS.unknown

/** The table at one moment. */
export class SlotTable {
  readonly #text: string

  /** Without a text: nobody has anything. */
  constructor(text = UNKNOWN.repeat(SLOTS)) {
    this.#text = text
  }

  entry(slot: number): string {
    return this.#text.slice(slot * ENTRY_LENGTH, (slot + 1) * ENTRY_LENGTH)
  }

  /** The node that has the slot, be it its home or not; undefined for one that is free or unknown. */
  holder(slot: number): string | undefined {
    const name = this.#text.slice(slot * ENTRY_LENGTH, slot * ENTRY_LENGTH + NAME_LENGTH)
    return name === NOBODY ? undefined : name
  }

  is(slot: number, standing: Standing): boolean {
    return this.#text[slot * ENTRY_LENGTH + NAME_LENGTH] === LETTERS[standing]
  }
}
