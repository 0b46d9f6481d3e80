/** Delayed delivery (XEP-0203) and the date and time format it uses (XEP-0082). */
import { type Element, xml } from './element.ts'
import type { JID } from './jid.ts'
import { NS } from './ns.ts'
import { printElement } from './print.ts'

/** A moment (ms since 1970) as XEP-0082 §3.2 writes it, in UTC and with milliseconds: `2026-01-31T23:59:59.000Z`. */
export function dateTime(moment: number): string {
  return new Date(moment).toISOString()
}

const DAY_MS = 86_400_000

/** `dateTime()` for one moment after another, most of which are of the same day: a third of its price. */
export class DateTimes {
  /** Days since 1970. */
  #day = Number.NaN
  #date = ''

  /** `moment`: ms since 1970 */
  at(moment: number): string {
    const day = Math.floor(moment / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      const text = dateTime(moment)
      this.#date = text.slice(0, text.indexOf('T') + 1)
    }
    const ms = moment - day * DAY_MS
    const minutes = Math.floor(ms / 60_000)
    const second = two(Math.floor(ms / 1000) % 60)
    return `${this.#date}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${second}.${three(ms % 1000)}Z`
  }
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number)
}

function three(number: number): string {
  return number < 100 ? `0${two(number)}` : String(number)
}

/**
 * `<delay/>` for a stanza that is delivered later than it came (XEP-0203 §2).
 * `by` is who held it back, `moment` (ms since 1970) when it came, `why` a few English words for people.
 */
export function delay(by: JID, moment: number, why?: string): Element {
  return xml('delay', { xmlns: NS.delay, from: by.toString(), stamp: dateTime(moment) }, why)
}

/** The same note of delay, printed for one moment after another: bytes for `Stanza.plus()`. */
export class DelayNote {
  readonly #before: string
  readonly #after: string

  constructor(by: JID, why: string) {
    const [before = '', after = ''] = printElement(delay(by, 0, why), NS.client).split(dateTime(0))
    this.#before = before
    this.#after = after
  }

  /** `moment`: ms since 1970 */
  at(moment: number): Buffer {
    return Buffer.from(this.#before + dateTime(moment) + this.#after)
  }
}

/** XEP-0082 §3.2: date, time, and where it is that time. */
const DATE_TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** Reads such a moment (ms since 1970, digits beyond those left out); undefined for what is none. */
export function parseDateTime(text: string): number | undefined {
  const [, date, time, fraction = '', zone] = DATE_TIME.exec(text) ?? []
  if (date === undefined) return undefined
  const moment = Date.parse(`${date}T${time}${fraction.slice(0, 4)}${zone}`)
  return Number.isNaN(moment) ? undefined : moment
}
