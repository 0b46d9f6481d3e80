/** What a command of `tidings` is, and how its arguments are read. */
import { parseArgs } from 'node:util'
import { suggestion } from '../config/suggest.ts'
import type { Terminal } from './terminal.ts'

/** An option of a command: `--name VALUE`, or a switch where there is no value. */
export interface CommandOption {
  readonly doc: string
  /** What stands for the value in the help: `FILE`. */
  readonly value?: string
}

/** What was given to a command. */
export interface Input {
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, string | undefined>>
  readonly switches: ReadonlySet<string>
}

/** One command of the program, one file each. */
export interface Command {
  /** As it is typed after `tidings`: `user add`. */
  readonly name: string
  /** One line: what it does. */
  readonly summary: string
  /** Names of what must follow: `['JID']`. */
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, CommandOption>>
  /** Command lines that work, for the help. */
  readonly examples: readonly string[]
  /** Further lines for the help. */
  readonly notes?: string
  /** Does it, and gives the exit code; 0 when it gives none. Throws a UsageError, or whatever went wrong. */
  run(input: Input, terminal: Terminal): Promise<number | undefined>
}

/** A command line that makes no sense: exit code 2. */
export class UsageError extends Error {}

/** The option that every command has that needs the configuration. */
export const CONFIG_OPTION: Readonly<Record<'config', CommandOption>> = {
  config: { value: 'FILE', doc: 'the configuration; absent: the one that comes with the program' },
}

/** Reads what follows the name of a command. Throws a UsageError. `undefined`: help was asked for. */
export function readInput(command: Command, args: readonly string[]): Input | undefined {
  const { values, positionals } = parse(command, args)
  if (values.help === true) return undefined
  const { positionals: names } = command
  if (positionals.length < names.length) throw new UsageError(`${names[positionals.length]} is missing`)
  if (positionals.length > names.length) throw new UsageError(`"${positionals[names.length]}" is too much`)
  const given = Object.entries(values)
  return {
    positionals,
    options: Object.fromEntries(
      given.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
    switches: new Set(given.filter(([, value]) => value === true).map(([name]) => name)),
  }
}

interface Parsed {
  readonly values: { readonly [name: string]: unknown; readonly help?: unknown }
  readonly positionals: readonly string[]
}

function parse(command: Command, args: readonly string[]): Parsed {
  const options = Object.entries(command.options).map(([name, { value }]) => [
    name,
    { type: value === undefined ? ('boolean' as const) : ('string' as const) },
  ])
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } },
    })
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(unknownOption(command, args) ?? error.message)
    throw error
  }
}

/** Tells of an option that the command does not have, with the one that was probably meant. */
function unknownOption(command: Command, args: readonly string[]): string | undefined {
  const known = [...Object.keys(command.options), 'help']
  const names = args.filter(arg => arg.startsWith('--')).map(arg => arg.slice(2).split('=', 1)[0]!)
  const unknown = names.find(name => !known.includes(name))
  if (unknown === undefined) return undefined
  const near = suggestion(unknown, known)
  return `there is no option --${unknown}${near === undefined ? '' : ` (did you mean --${near}?)`}`
}

/** The help of a command. */
export function help(command: Command): string {
  const { name, summary, positionals, notes } = command
  const usage = ['tidings', name, ...positionals, '[OPTIONS]'].join(' ')
  const options = Object.entries({ ...command.options, help: { doc: 'this text' } }).map(
    ([option, { value, doc }]: [string, CommandOption]) => {
      return `  ${`--${option}${value === undefined ? '' : ` ${value}`}`.padEnd(20)} ${doc}`
    },
  )
  const examples = command.examples.map(example => `  ${example}`)
  const parts = [summary, `Usage: ${usage}`, ...(notes ? [notes] : [])]
  return `${parts.join('\n\n')}\n\nOptions:\n${options.join('\n')}\n\nExamples:\n${examples.join('\n')}\n`
}
