/** Help, and command lines that make no sense; in this process. */
import { Readable } from 'node:stream'
import t from 'tap'
import { run } from '../../src/cli/index.ts'

async function call(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const terminal = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    input: Readable.from([]),
    live: false,
  }
  const code = await run(args, terminal)
  return { code, out: out.join(''), err: err.join('') }
}

const COMMANDS = [
  'start',
  'user add',
  'user remove',
  'user passwd',
  'user list',
  'user import',
  'backup',
  'restore',
  'storage migrate',
  'check',
  'config',
  'reload',
]

t.test('help is everywhere, with examples', async t => {
  for (const command of COMMANDS) {
    const { code, out, err } = await call(...command.split(' '), '--help')
    t.match({ code, err }, { code: 0, err: '' })
    t.match(out, new RegExp(`Usage: tidings ${command} `))
    t.match(out, /--config FILE/)
    t.match(out, new RegExp(`Examples:\n  tidings ${command}`))
  }
  for (const args of [[], ['--help'], ['help'], ['-h']]) {
    const { code, out } = await call(...args)
    t.equal(code, 0)
    for (const command of COMMANDS) t.match(out, `  ${command} `)
  }
  t.match((await call('user')).out, /user import +make many/)
  t.notMatch((await call('user')).out, /start +start/)
})

t.test('the version', async t => {
  t.match(await call('--version'), { code: 0, out: /^Tidings \d+\.\d+\.\d+\n$/, err: '' })
})

const WRONG: readonly [args: string[], err: string][] = [
  [['strat'], 'there is no command "strat" (did you mean "start"?); see: tidings --help'],
  [['usr', 'add'], 'there is no command "usr" (did you mean "user"?); see: tidings --help'],
  [['user', 'ad'], 'there is no command "user ad" (did you mean "user add"?); see: tidings --help'],
  [['frobnicate'], 'there is no command "frobnicate"; see: tidings --help'],
  [['toString'], 'there is no command "toString"; see: tidings --help'],
  [['user', 'add'], 'JID is missing; see: tidings user add --help'],
  [['user', 'list', 'x'], '"x" is too much; see: tidings user list --help'],
  [['start', '--conf', 'x'], 'there is no option --conf (did you mean --config?); see: tidings start --help'],
  [['start', '--config'], "Option '--config <value>' argument missing; see: tidings start --help"],
  [
    ['user', 'add', 'a@localhost', '--role', 'king'],
    '--role is one of user, admin, not "king"; see: tidings user add --help',
  ],
]
for (const [args, err] of WRONG)
  t.test(`wrong: ${args.join(' ')}`, async t => {
    t.strictSame(await call(...args), { code: 2, out: '', err: `tidings: ${err}\n` })
  })

t.test('a configuration that cannot be read', async t => {
  t.strictSame(await call('user', 'list', '--config', '/nowhere/x.yaml'), {
    code: 1,
    out: '',
    err: 'tidings: the configuration file /nowhere/x.yaml does not exist: check --config [TIDINGS_CONFIG_FILE]\n',
  })
})
