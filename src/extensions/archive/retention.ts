import { TidingsError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Archive } from '../../storage/types.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
/** How often is looked for what is too old, in ms. */
const ROUND_MS = 60 * 60 * 1_000

/** How long messages are archived. */
export interface Retention {
  /** At most so long, in ms; undefined for ever. */
  readonly age: number | undefined
  /** Until all devices have them, but so long at most for one that does not return, in ms. */
  readonly patience?: number
}

/** What `archive.keep` and the options beside it say. */
export interface KeepOptions {
  readonly keep: string
  readonly 'device-days': number
  readonly 'undelivered-days': number
}

/** Throws a TidingsError where the configuration of a host makes no sense. */
export function retentionOf(options: KeepOptions, host: string): Retention {
  const { keep, 'device-days': devices, 'undelivered-days': undelivered } = options
  if (keep === 'always') return { age: undefined }
  if (keep === 'until-delivered') {
    // Else a device would miss what it is waited for with.
    if (devices > undelivered)
      throw new TidingsError(
        'TIDINGS_ARCHIVE_KEEP',
        `${host}: extensions.archive.device-days: ${devices} is more than extensions.archive.undelivered-days, ${undelivered}`,
      )
    return { age: undelivered * DAY_MS, patience: devices * DAY_MS }
  }
  const [, days] = /^([1-9]\d{0,4})d$/.exec(keep) ?? []
  if (days === undefined)
    throw new TidingsError(
      'TIDINGS_ARCHIVE_KEEP',
      `${host}: extensions.archive.keep: "${keep}" is neither "always" nor "until-delivered" nor a number of days such as "365d"`,
    )
  return { age: Number(days) * DAY_MS }
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
