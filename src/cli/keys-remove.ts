import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command, UsageError } from './command.ts'

export const command: Command = {
  name: 'keys remove',
  summary: 'Removes a device of an account: its keys, and its places in the lists of OMEMO.',
  positionals: ['JID', 'DEVICE'],
  options: CONFIG_OPTION,
  notes:
    'Its session goes on; to keep somebody out who has the password, change that first: tidings user passwd.',
  examples: ['tidings keys remove alice@localhost 7'],
  async run({ positionals, options }, terminal) {
    const [jid, device] = positionals as [string, string]
    if (!/^[1-9]\d{0,9}$/.test(device)) throw new UsageError(`"${device}" is no number of a device`)
    await administer(options.config, { request: { op: 'keys.remove', jid, device: Number(device) } })
    terminal.out(`Device ${device} of ${jid} is removed.\n`)
    return 0
  },
}
