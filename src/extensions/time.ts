/** XEP-0202: Entity Time. */
import { defineExtension, get } from '../core/extension.ts'
import { dateTime } from '../xml/delay.ts'
import { xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'

export default defineExtension({
  name: 'time',
  doc: "Tells the server's time and time zone",
  xeps: [{ xep: 202, version: '2.0', status: 'complete' }],
  features: { server: [NS.time] },
  setup: host => ({
    iq: [
      get(NS.time, 'time', 'server', () => {
        const now = host.clock.now()
        return xml(
          'time',
          { xmlns: NS.time },
          xml('tzo', {}, zone(-new Date(now).getTimezoneOffset())),
          xml('utc', {}, dateTime(now)),
        )
      }),
    ],
  }),
})

/** A time zone as XEP-0082 §2.1 (TZD) writes it: `+05:30`. `offset`: minutes east of UTC. */
export function zone(offset: number): string {
  const minutes = Math.abs(offset)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
