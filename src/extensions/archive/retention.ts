import { TidingsError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Archive } from '../../storage/types.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
/** How often is looked for what is too old, in ms. */
const ROUND_MS = 60 * 60 * 1_000

/** How long messages are archived, in ms; undefined for ever. Throws a TidingsError where the configuration makes no sense. */
export function retentionOf(keep: string): number | undefined {
  if (keep === 'always') return undefined
  const [, days] = /^([1-9]\d{0,4})d$/.exec(keep) ?? []
  if (days === undefined)
    throw new TidingsError(
      'TIDINGS_ARCHIVE_KEEP',
      `extensions.archive.keep: "${keep}" is neither "always" nor a number of days such as "365d"`,
    )
  return Number(days) * DAY_MS
}

/** Erases what is older than that, now and then, until `stop` is called. XEP-0313 §3.2: always the oldest, so that no hole comes about. */
export function keepFor(ms: number, host: Host, archive: Archive): { stop(): void } {
  const round = (): void => {
    host.background.run('archive', archive.expire(host.clock.now() - ms, host.domain))
    timer = host.clock.after(ROUND_MS, round)
  }
  let timer = host.clock.after(0, round)
  return { stop: () => timer.cancel() }
}
