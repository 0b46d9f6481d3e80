import { TidingsError } from '../core/errors.ts'
import type { NodeView } from '../core/survey.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { askServer } from './control/running.ts'

const HEADINGS = ['node', 'slots', 'sessions', 'connections', 'lag', 'up', 'version']
const WIDTHS = [10, 6, 9, 12, 9, 9, 0]
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const command: Command = {
  name: 'cluster',
  summary: 'Shows the nodes of the cluster that the running server is part of.',
  positionals: [],
  options: CONFIG_OPTION,
  notes: `A line each: name (* is the one that was asked), accounts of how many of the 4,096 slots have their home there, their sessions, connections of clients,
how long its answer took, for how long it has run. Slots without a home, or a node that does not answer, for more than some seconds are trouble: exit code 1.`,
  examples: ['tidings cluster', 'watch tidings cluster --config /etc/tidings.yaml'],
  async run({ options }, terminal) {
    const { loadConfig } = await import('../main.ts')
    const { data } = await loadConfig(options.config)
    const done = await askServer(data, { op: 'cluster' })
    if (done?.survey === undefined)
      throw new TidingsError('TIDINGS_NOT_RUNNING', `no server runs on ${data}: start it first`)
    const { nodes, homeless } = done.survey
    terminal.out(row(HEADINGS))
    for (const node of nodes) terminal.out(row(cellsOf(node)))
    if (homeless > 0) terminal.out(`${homeless} slots have no home at the moment.\n`)
    return homeless > 0 || nodes.some(({ report }) => report === undefined) ? 1 : 0
  },
}

function cellsOf({ node, own, slots, report, lag = 0 }: NodeView): readonly string[] {
  const name = own ? `${node}*` : node
  if (report === undefined) return [name, String(slots), 'does not answer']
  const { sessions, connections, uptime, version } = report
  const counts = [slots, sessions, connections].map(String)
  return [name, ...counts, `${lag.toFixed(1)} ms`, duration(uptime), version]
}

function row(cells: readonly string[]): string {
  return `${cells
    .map((cell, column) => cell.padEnd(WIDTHS[column]!))
    .join(' ')
    .trimEnd()}\n`
}

/** Seconds as people say them. */
function duration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`
  return `${Math.floor(seconds / DAY)} d`
}
