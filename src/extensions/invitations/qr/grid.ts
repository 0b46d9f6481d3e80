/** The modules (squares) of a QR code: ISO/IEC 18004 clauses 6.3, 7.7 to 7.10. */
import type { Codewords } from './codewords.ts'

/** By row and column; true is dark. */
export type Grid = readonly (readonly boolean[])[]

type Module = boolean | undefined
type Draft = Module[][]
type Mask = (row: number, column: number) => boolean

/** ISO/IEC 18004 table 10: which modules a mask inverts. */
const MASKS: readonly Mask[] = [
  (row, column) => (row + column) % 2 === 0,
  row => row % 2 === 0,
  (_, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
]

/** ISO/IEC 18004 clause 7.8: draws the code with each mask and takes the one that is easiest to read. */
export function gridOf(codewords: Codewords): Grid {
  const grids = MASKS.map((_, mask) => maskedGrid(codewords, mask))
  const penalties = grids.map(penalty)
  return grids[penalties.indexOf(Math.min(...penalties))]!
}

/** The code with one of the masks 0 to 7. */
export function maskedGrid({ version, bytes }: Codewords, mask: number): Grid {
  const size = 17 + 4 * version
  const draft: Draft = Array.from({ length: size }, () => new Array<Module>(size).fill(undefined))
  drawFinders(draft)
  drawAlignment(draft, version)
  drawTiming(draft)
  drawFormat(draft, mask)
  if (version >= 7) drawVersion(draft, version)
  drawData(draft, bytes, MASKS[mask]!)
  return draft as boolean[][]
}

/** The three eyes with their white borders. */
function drawFinders(draft: Draft): void {
  const far = draft.length - 7
  for (const [top, left] of [
    [0, 0],
    [0, far],
    [far, 0],
  ] as const)
    for (let row = -1; row <= 7; row++)
      for (let column = -1; column <= 7; column++) {
        const ring = Math.max(Math.abs(row - 3), Math.abs(column - 3))
        draw(draft, top + row, left + column, ring !== 2 && ring !== 4)
      }
}

/** The small eyes, except where a finder or the end of a timing line is. */
function drawAlignment(draft: Draft, version: number): void {
  const centers = alignmentCenters(version)
  for (const top of centers)
    for (const left of centers) {
      if (draft[top]![left] !== undefined) continue
      for (let row = -2; row <= 2; row++)
        for (let column = -2; column <= 2; column++)
          draw(draft, top + row, left + column, Math.max(Math.abs(row), Math.abs(column)) !== 1)
    }
}

/** ISO/IEC 18004 annex E, for versions up to 10. */
function alignmentCenters(version: number): number[] {
  if (version === 1) return []
  const last = 10 + 4 * version
  return version < 7 ? [6, last] : [6, (6 + last) / 2, last]
}

/** The dotted lines that tell where rows and columns are. */
function drawTiming(draft: Draft): void {
  for (let i = 8; i < draft.length - 8; i++) {
    draw(draft, 6, i, i % 2 === 0)
    draw(draft, i, 6, i % 2 === 0)
  }
}

/** ISO/IEC 18004 clause 7.9: level M (00) and the mask, twice, with a dark module of no meaning. */
function drawFormat(draft: Draft, mask: number): void {
  const size = draft.length
  const bits = withCheck(mask, 10, 0x537) ^ 0x5412
  for (const [i, row] of [0, 1, 2, 3, 4, 5, 7, 8].entries()) {
    draw(draft, row, 8, bit(bits, i))
    draw(draft, 8, size - 1 - i, bit(bits, i))
  }
  for (const [i, column] of [7, 5, 4, 3, 2, 1, 0].entries()) {
    draw(draft, 8, column, bit(bits, 8 + i))
    draw(draft, size - 7 + i, 8, bit(bits, 8 + i))
  }
  draw(draft, size - 8, 8, true)
}

/** ISO/IEC 18004 clause 7.10: the version, twice. */
function drawVersion(draft: Draft, version: number): void {
  const bits = withCheck(version, 12, 0x1f25)
  for (let i = 0; i < 18; i++) {
    const [far, near] = [draft.length - 11 + (i % 3), Math.floor(i / 3)]
    draw(draft, far, near, bit(bits, i))
    draw(draft, near, far, bit(bits, i))
  }
}

/** ISO/IEC 18004 clause 7.7.3: in pairs of columns from the right, up and down in turn, wherever nothing is drawn yet. */
function drawData(draft: Draft, bytes: readonly number[], mask: Mask): void {
  const size = draft.length
  let next = 0
  let upward = true
  for (let right = size - 1; right > 0; right -= 2) {
    // The vertical timing line is no part of a pair.
    if (right === 6) right--
    for (let step = 0; step < size; step++)
      for (const column of [right, right - 1]) {
        const row = upward ? size - 1 - step : step
        if (draft[row]![column] !== undefined) continue
        const dark = bit(bytes[next >> 3] ?? 0, 7 - (next & 7))
        draft[row]![column] = dark !== mask(row, column)
        next++
      }
    upward = !upward
  }
}

function draw(draft: Draft, row: number, column: number, dark: boolean): void {
  if (row >= 0 && column >= 0 && row < draft.length && column < draft.length) draft[row]![column] = dark
}

function bit(bits: number, i: number): boolean {
  return ((bits >> i) & 1) === 1
}

/** A value followed by so many check bits of a BCH code. */
function withCheck(value: number, count: number, divisor: number): number {
  let rest = value << count
  for (let i = 31 - Math.clz32(rest); i >= count; i = 31 - Math.clz32(rest)) rest ^= divisor << (i - count)
  return (value << count) | rest
}

/** ISO/IEC 18004 clause 7.8.3: how much there is that could confuse a reader. */
function penalty(grid: Grid): number {
  const columns = grid.map((_, column) => grid.map(row => row[column]!))
  const lines = [...grid, ...columns].map(line => line.map(Number).join(''))
  const dark = grid.flat().filter(Boolean).length / grid.length ** 2
  return (
    lines.reduce((sum, line) => sum + runs(line) + 40 * finderLike(line), 0) +
    3 * squares(grid) +
    10 * Math.floor(Math.abs(dark - 0.5) * 20)
  )
}

/** Five or more of one colour in a row. */
function runs(line: string): number {
  return [...line.matchAll(/0{5,}|1{5,}/g)].reduce((sum, [run]) => sum + run.length - 2, 0)
}

/** What looks like the middle of a finder, with white on one side. */
function finderLike(line: string): number {
  return [...line.matchAll(/(?=10111010000|00001011101)/g)].length
}

/** Squares of two by two of one colour. */
function squares(grid: Grid): number {
  let count = 0
  for (let row = 1; row < grid.length; row++)
    for (let column = 1; column < grid.length; column++) {
      const [above, here] = [grid[row - 1]!, grid[row]!]
      const colour = here[column]
      if (above[column] === colour && above[column - 1] === colour && here[column - 1] === colour) count++
    }
  return count
}
