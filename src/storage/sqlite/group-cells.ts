import { CellReader } from '../cells.ts'
import type { Key } from './log-rows.ts'

/** Reads the cells of a group. */
export class GroupCells extends CellReader {
  hash(): Key {
    return { high: this.number(), low: this.number() }
  }

  hashes(): Key[] {
    const hashes: Key[] = []
    for (let count = this.number(); count > 0; count--) hashes.push(this.hash())
    return hashes
  }
}
