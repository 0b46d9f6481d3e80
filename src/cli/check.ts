import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/problems.ts'
import { TidingsError } from '../core/errors.ts'
import type { Finding } from '../operations/check/finding.ts'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { runningServer } from './control/running.ts'

/** How long DNS has for an answer, ms. It is asked twice. */
const DNS_TIMEOUT_MS = 2_000

export const command: Command = {
  name: 'check',
  summary: 'Looks at everything that the server depends on, and says what is wrong and how to mend it.',
  positionals: [],
  options: { json: { doc: 'print JSON' }, ...CONFIG_OPTION },
  notes: `Configuration, ports, certificates, clock, data folder, disk, storage, DNS records, limit of open files. Whether the server runs
or not; it changes nothing. Exit code 1 when there is a problem; warnings alone are none.`,
  examples: ['tidings check', 'tidings check --json --config /etc/tidings.yaml'],
  async run({ options, switches }, terminal) {
    const findings = await findAll(options.config)
    const healthy = findings.every(({ level }) => level !== 'problem')
    terminal.out(
      switches.has('json') ? `${JSON.stringify({ healthy, findings }, null, 2)}\n` : report(findings),
    )
    return healthy ? 0 : 1
  },
}

async function findAll(option: string | undefined): Promise<Finding[]> {
  const { loadConfig } = await import('../main.ts')
  try {
    return await examineServer(await loadConfig(option), option)
  } catch (error) {
    if (!(error instanceof TidingsError)) throw error
    return unusable(error)
  }
}

/** A configuration that cannot be used: nothing else can be looked at. */
function unusable(error: TidingsError): Finding[] {
  const about = 'configuration'
  const mend = 'mend this first: nothing else could be looked at'
  if (!(error instanceof ConfigError)) return [{ about, level: 'problem', text: error.message, mend }]
  return error.problems.map(({ path, line, column, text }) => {
    const place = line === undefined ? '' : `line ${line}, column ${column}: `
    return { about, level: 'problem', text: `${place}${path === '' ? '' : `${path}: `}${text}`, mend }
  })
}

async function examineServer(config: Config, option: string | undefined): Promise<Finding[]> {
  const { examine } = await import('../operations/check/index.ts')
  const running = await runningServer(config.data)
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 2 })
  return examine({
    config,
    running: running?.ports,
    verify: async () => (await administer(option, { request: { op: 'verify' } })).findings ?? [],
    node: process.versions.node,
    now: Date.now(),
    resolver,
    processLimits: await readFile(`/proc/${running?.pid ?? 'self'}/limits`, 'utf8').catch(() => undefined),
  })
}

function report(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ about, level, text, mend }) => {
    const first = `${level.padEnd(9)}${about.padEnd(15)}${text}`
    return mend === undefined ? [first] : [first, `${' '.repeat(24)}-> ${mend}`]
  })
  const count = (level: Finding['level']): number => findings.filter(one => one.level === level).length
  return `${lines.join('\n')}\n\n${count('problem')} problems, ${count('warning')} warnings\n`
}
