import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command, UsageError } from './command.ts'
import { localTime } from './local-time.ts'

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }
/** A year. */
const LONGEST = 365 * 86_400_000

export const command: Command = {
  name: 'user invite',
  summary: 'Makes a link by which one person can make an account and choose its password.',
  positionals: [],
  options: {
    name: { value: 'NAME', doc: 'the only name that may be taken; it is kept free until then' },
    contact: { value: 'JID', doc: 'whose contact the newcomer becomes' },
    expires: { value: 'TIME', doc: 'how long it is good: 30m, 12h, 7d; absent: as configured (7d)' },
    host: { value: 'HOST', doc: 'the domain, where there are several' },
    ...CONFIG_OPTION,
  },
  notes:
    'The link is shown once and not stored. Whoever has it can make the account: send it only to the one it is for.',
  examples: [
    'tidings user invite',
    'tidings user invite --name juliet --contact romeo@localhost --expires 24h',
  ],
  async run({ options: { config, name, contact, expires, host } }, terminal) {
    const { invitation } = await administer(config, {
      request: {
        op: 'invite.create',
        ...(name !== undefined && { name }),
        ...(contact !== undefined && { contact }),
        ...(host !== undefined && { host }),
        ...(expires !== undefined && { lifetime: milliseconds(expires) }),
      },
    })
    const { page, uri, expires: until } = invitation!
    if (page !== undefined) terminal.out(`${page}\n`)
    terminal.out(`${uri}\nGood for one account, until ${localTime(until)}.\n`)
    return 0
  },
}

function milliseconds(text: string): number {
  const [, number, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const time = Number(number) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (!(time > 0 && time <= LONGEST))
    throw new UsageError(`--expires is a time such as 12h or 7d, not "${text}"`)
  return time
}
