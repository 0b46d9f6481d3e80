/** Reads the TAP stream of `tap run`: which files passed, what failed and why, what was skipped. */

/** One test file that has ended. */
export interface FileResult {
  readonly file: string
  readonly ok: boolean
  readonly milliseconds: number
  /** The failed assertions with their details, as TAP. */
  readonly failures: readonly string[]
  readonly skips: readonly Skip[]
}

/** Something that was not tested. */
export interface Skip {
  readonly test: string
  readonly reason: string
}

/** How many assertions there were in all. */
export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Feed it line by line. */
export class TapReader {
  /** All assertions; undefined until the stream has ended as it should. */
  totals: Totals | undefined
  #body: string[] = []

  /** Takes a line; returns the file that ends with it. */
  push(line: string): FileResult | undefined {
    const end = /^(not )?ok \d+ - (\S+?)(?: # (.*))?$/.exec(line)
    const sum = /^# (\{ total: .*\})$/.exec(line)?.[1]
    if (sum !== undefined) this.totals = readTotals(sum)
    if (end === null) {
      // What belongs to a file is indented; what tap says about the file itself comes after its line.
      if (line.startsWith(' ')) this.#body.push(line)
      return undefined
    }
    const [, not, file = '', remark = ''] = end
    const result = {
      file,
      ok: not === undefined,
      milliseconds: Number(/time=([\d.]+)ms/.exec(remark)?.[1] ?? 0),
      failures: failures(this.#body),
      skips: [
        ...skips(this.#body),
        ...(/^SKIP/.test(remark) ? [{ test: 'all', reason: remark.slice(5) }] : []),
      ],
    }
    this.#body = []
    return result
  }
}

function readTotals(text: string): Totals {
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(text)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') }
}

/** Lines of `not ok` with the indented details below each. */
function failures(body: readonly string[]): string[] {
  const found: string[] = []
  let depth = -1
  for (const line of body) {
    const indent = line.search(/\S/)
    if (/^\s*not ok /.test(line)) depth = indent
    else if (indent >= 0 && indent <= depth) depth = -1
    if (depth >= 0) found.push(line)
  }
  return found
}

function skips(body: readonly string[]): Skip[] {
  return body.flatMap(line => {
    const [, test = 'a test', directive, reason] =
      /^\s*(?:not )?ok \d+(?: - (.*?))? # (SKIP|TODO)\b ?(.*)$/.exec(line) ?? []
    return directive === undefined ? [] : [{ test, reason: reason || directive.toLowerCase() }]
  })
}
