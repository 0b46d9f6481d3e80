import { TidingsError } from '../core/errors.ts'
import { CONFIG_OPTION, type Command, UsageError } from './command.ts'
import { askServer } from './control/running.ts'

/** Most seconds that make sense. */
const MOST_SECONDS = 3_600

export const command: Command = {
  name: 'drain',
  summary:
    'Sends all clients of the running server away, to other nodes of its cluster, before it is stopped.',
  positionals: [],
  options: {
    ...CONFIG_OPTION,
    seconds: { value: 'N', doc: 'over how many seconds (default 30)' },
    to: { value: 'HOST[:PORT]', doc: 'where clients are told to go (default: they find it by themselves)' },
  },
  notes: `It stops listening, gives its part of the accounts to the other nodes, and closes connections one by one, each at a moment by chance.
Clients that can resume their sessions (XEP-0198) do so at another node, within as many seconds again: nothing is lost, nothing comes twice.
When this is done the server has nothing left to do: stop it (SIGTERM). For a rolling restart do so node by node.`,
  examples: [
    'tidings drain',
    'tidings drain --seconds 120 --to chat2.example.org:5222 && kill $(pidof tidings)',
  ],
  async run({ options }, terminal) {
    const seconds = Number(options.seconds ?? 30)
    if (!(seconds >= 0 && seconds <= MOST_SECONDS))
      throw new UsageError(`--seconds: expected a number from 0 to ${MOST_SECONDS}`)
    const { loadConfig } = await import('../main.ts')
    const { data } = await loadConfig(options.config)
    const done = await askServer(data, { op: 'drain', seconds, ...(options.to && { to: options.to }) })
    if (done?.drained === undefined)
      throw new TidingsError('TIDINGS_NOT_RUNNING', `no server runs on ${data}: there is nobody to send away`)
    const { connections, forsaken } = done.drained
    terminal.out(
      `${connections} connections closed${forsaken === 0 ? '' : `, ${forsaken} sessions not resumed elsewhere in time`}.\n`,
    )
    terminal.out('The server may be stopped now.\n')
    return 0
  },
}
