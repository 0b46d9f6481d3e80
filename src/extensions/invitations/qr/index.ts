/** QR codes (ISO/IEC 18004) as SVG. */
import { type Html, html } from '../html.ts'
import { codewordsOf } from './codewords.ts'
import { type Grid, gridOf } from './grid.ts'

/** Modules of white around it, so that readers find it: ISO/IEC 18004 clause 6.3.8. */
const QUIET = 4

/** A code that holds this text, dark on white whatever the page looks like; undefined for more than 213 bytes. */
export function qrCode(text: string, label: string): Html | undefined {
  const codewords = codewordsOf(text)
  if (codewords === undefined) return undefined
  const grid = gridOf(codewords)
  const size = grid.length + 2 * QUIET
  return html`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${label}" width="200" height="200" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><rect width="${size}" height="${size}" fill="#fff"/><path fill="#000" d="${outline(grid)}"/></svg>`
}

/** One box for each run of dark modules. */
function outline(grid: Grid): string {
  return grid
    .flatMap((line, row) =>
      [...line.map(Number).join('').matchAll(/1+/g)].map(
        ({ index, 0: run }) => `M${index + QUIET} ${row + QUIET}h${run.length}v1h-${run.length}z`,
      ),
    )
    .join('')
}
