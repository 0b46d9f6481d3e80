import type { Role } from '../auth/accounts.ts'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command, UsageError } from './command.ts'
import { newPassword } from './password.ts'

const ROLES: readonly Role[] = ['user', 'admin']

export const command: Command = {
  name: 'user add',
  summary: 'Makes an account, whether the server runs or not.',
  positionals: ['JID'],
  options: {
    password: { value: 'P', doc: 'its password; absent: asked for, or read as one line of standard input' },
    role: { value: 'ROLE', doc: 'user (default) or admin' },
    ...CONFIG_OPTION,
  },
  notes:
    'Others on this machine can see the options of a running command: better let it ask for the password.',
  examples: [
    'tidings user add alice@localhost',
    'tidings user add root@chat.example.org --role admin < password.txt',
  ],
  async run({ positionals, options }, terminal) {
    const jid = positionals[0]!
    const role = ROLES.find(one => one === (options.role ?? 'user'))
    if (role === undefined)
      throw new UsageError(`--role is one of ${ROLES.join(', ')}, not "${options.role}"`)
    const password = options.password ?? (await newPassword(terminal))
    await administer(options.config, { request: { op: 'user.add', jid, password, role } })
    terminal.out(`${jid} can sign in now.\n`)
    return 0
  },
}
