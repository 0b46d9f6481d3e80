/** A moment (ms since 1970) for people, in the time zone of this machine: `2026-11-29 16:33`. */
export function localTime(moment: number): string {
  // Swedish writes dates as ISO 8601 does.
  return new Date(moment).toLocaleString('sv-SE', { dateStyle: 'short', timeStyle: 'short' })
}
