/** The command line: finds the command, and turns whatever happens into an exit code: 0 done, 1 failed, 2 wrongly called. */

import { suggestion } from '../config/suggest.ts'
import { software } from '../core/software.ts'
import { type Command, help, readInput, UsageError } from './command.ts'
import { explain } from './failure.ts'
import { processTerminal, type Terminal } from './terminal.ts'

interface Entry {
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Command }>
}

/** Loaded one at a time, when called: what a command needs costs the others nothing. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  start: { summary: 'start the server', load: () => import('./start.ts') },
  'user add': { summary: 'make an account', load: () => import('./user-add.ts') },
  'user remove': {
    summary: 'remove an account and all that is kept for it',
    load: () => import('./user-remove.ts'),
  },
  'user passwd': { summary: 'give an account another password', load: () => import('./user-passwd.ts') },
  'user list': { summary: 'list the accounts', load: () => import('./user-list.ts') },
  'user invite': {
    summary: 'make a link by which somebody can make an account',
    load: () => import('./user-invite.ts'),
  },
  'invite list': { summary: 'list the invitations', load: () => import('./invite-list.ts') },
  'invite revoke': { summary: 'end an invitation', load: () => import('./invite-revoke.ts') },
  'keys list': { summary: 'list the devices that have keys', load: () => import('./keys-list.ts') },
  'keys remove': { summary: 'remove a device and its keys', load: () => import('./keys-remove.ts') },
  'roster import': {
    summary: 'add contacts to many accounts from a CSV file',
    load: () => import('./roster-import.ts'),
  },
  'user import': { summary: 'make many accounts from a CSV file', load: () => import('./user-import.ts') },
  config: { summary: 'print the configuration as it is understood', load: () => import('./config.ts') },
  check: { summary: 'find out what is wrong, and how to mend it', load: () => import('./check.ts') },
  reload: {
    summary: 'have the running server read its configuration again',
    load: () => import('./reload.ts'),
  },
  drain: { summary: 'send all clients away, to be stopped', load: () => import('./drain.ts') },
  cluster: { summary: 'show the nodes of the cluster', load: () => import('./cluster.ts') },
  backup: { summary: 'copy everything into a folder', load: () => import('./backup.ts') },
  'storage migrate': {
    summary: 'make or update the tables in Cassandra',
    load: () => import('./storage-migrate.ts'),
  },
  export: {
    summary: 'write all users into a folder, for another storage or another server',
    load: () => import('./export.ts'),
  },
  import: { summary: 'take in the users of an export', load: () => import('./import.ts') },
  restore: { summary: 'bring a backup back', load: () => import('./restore.ts') },
}

/** Runs `tidings` with these arguments and gives the exit code. Never rejects. */
export async function run(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  let command: Command | undefined
  try {
    const [first, second] = args
    if (first === '--version') return say(terminal, `${software.name} ${software.version}\n`)
    if (first === undefined || first === '--help' || first === '-h' || first === 'help')
      return say(terminal, overview())
    if (isGroup(first) && (second === undefined || second === '--help' || second === '-h'))
      return say(terminal, overview(first))
    const words = isGroup(first) ? 2 : 1
    command = await find(args.slice(0, words).join(' '))
    const input = readInput(command, args.slice(words))
    if (input === undefined) return say(terminal, help(command))
    return (await command.run(input, terminal)) ?? 0
  } catch (error) {
    if (!(error instanceof UsageError)) {
      terminal.err(`tidings: ${explain(error)}\n`)
      return 1
    }
    terminal.err(`tidings: ${error.message}; see: tidings ${command ? `${command.name} ` : ''}--help\n`)
    return 2
  }
}

function say(terminal: Terminal, text: string): number {
  terminal.out(text)
  return 0
}

function isGroup(word: string): boolean {
  return Object.keys(COMMANDS).some(name => name.startsWith(`${word} `))
}

async function find(name: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (entry !== undefined) return (await entry.load()).command
  const groups = Object.keys(COMMANDS).map(one => one.split(' ')[0]!)
  const near = suggestion(name, [...Object.keys(COMMANDS), ...groups])
  throw new UsageError(
    `there is no command "${name}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
  )
}

function overview(group?: string): string {
  const commands = Object.entries(COMMANDS).filter(
    ([name]) => group === undefined || name.startsWith(`${group} `),
  )
  const lines = commands.map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`)
  return `${software.name} ${software.version}, a chat server (XMPP)

Usage: tidings COMMAND [OPTIONS]

${lines.join('\n')}

Help on a command: tidings COMMAND --help
Examples:
  tidings start --config /etc/tidings.yaml
  tidings user add alice@localhost
`
}
