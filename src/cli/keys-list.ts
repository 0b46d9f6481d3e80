import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import type { DeviceKeysLine } from './control/protocol.ts'
import { localTime } from './local-time.ts'

export const command: Command = {
  name: 'keys list',
  summary: 'Lists the devices of an account that have keys for end-to-end encryption, one a line.',
  positionals: ['JID'],
  options: CONFIG_OPTION,
  notes:
    'Between tabs: number, keys of Curve25519 and of Kyber that are left, since when, last upload; "omemo" if it stands in a list of OMEMO.',
  examples: ['tidings keys list alice@localhost'],
  async run({ positionals, options }, terminal) {
    await administer(options.config, {
      request: { op: 'keys.list', jid: positionals[0]! },
      tell(news) {
        if ('devices' in news) for (const one of news.devices) terminal.out(line(one))
      },
    })
    return 0
  },
}

function line({ device, keys, omemo }: DeviceKeysLine): string {
  const kept =
    keys === undefined
      ? ['', '', '', '']
      : [keys.left.oneTime, keys.left.kyber, localTime(keys.added), localTime(keys.changed)]
  return `${[device, ...kept, omemo ? 'omemo' : ''].join('\t').trimEnd()}\n`
}
