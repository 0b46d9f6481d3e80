import { createReadStream } from 'node:fs'
import { administer } from './administer.ts'
import type { Input } from './command.ts'
import type { AnyLine, Request } from './control/protocol.ts'
import { checkReadable, readCsv } from './csv.ts'
import { Progress } from './progress.ts'
import type { Terminal } from './terminal.ts'

/** What a file of lines is imported as. */
export interface FileImport<Line extends AnyLine> {
  readonly request: Request
  /** The names of its fields, as its first line may have them. */
  readonly fields: readonly string[]
  /** Makes a line of its fields, which are all there. */
  readonly lineOf: (line: number, fields: readonly string[]) => Line
  /** What is done to things: 'accounts made'. */
  readonly done: string
}

/** Imports a CSV file, shows progress and reports bad lines by their number; the rest goes on. Resolves with the exit code. */
export async function importFile<Line extends AnyLine>(
  { positionals, options }: Input,
  terminal: Terminal,
  { request, fields, lineOf, done }: FileImport<Line>,
): Promise<number> {
  const file = positionals[0]!
  const progress = new Progress(terminal)
  let bad = 0
  const report = (line: number, text: string): void => {
    bad++
    progress.line(`${file}:${line}: ${text}`)
  }
  await checkReadable(file)
  const { created = 0 } = await administer(options.config, {
    request,
    lines: linesOf(file, fields, lineOf, report),
    tell(news) {
      if ('imported' in news) progress.count(news.imported, done)
      else if ('refused' in news) report(news.refused.line, `${news.refused.text} [${news.refused.code}]`)
    },
  })
  progress.end()
  terminal.out(`${created} ${done}${bad === 0 ? '' : `, ${bad} lines refused`}.\n`)
  return bad === 0 ? 0 : 1
}

async function* linesOf<Line>(
  file: string,
  names: readonly string[],
  lineOf: FileImport<Line & AnyLine>['lineOf'],
  report: (line: number, text: string) => void,
): AsyncGenerator<Line & AnyLine> {
  for await (const { line, fields, problem } of readCsv(createReadStream(file, 'utf8'))) {
    const isHeader = line === 1 && fields.every((field, i) => field.toLowerCase() === names[i])
    if (problem !== undefined) report(line, problem)
    else if (fields.length !== names.length)
      report(line, `expected ${names.join(',')}, found ${fields.length} fields`)
    else if (!isHeader) yield lineOf(line, fields)
  }
}
