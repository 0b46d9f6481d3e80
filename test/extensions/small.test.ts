import { release, type } from 'node:os'
import t from 'tap'
import ping from '../../src/extensions/ping.ts'
import time, { zone } from '../../src/extensions/time.ts'
import version from '../../src/extensions/version.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { ask } from '../support/ask.ts'
import { ManualClock } from '../support/clock.ts'

// XEP-0199 §4.2.
t.test('a ping is answered with an empty result, for the server and for an account', async t => {
  for (const place of ['server', 'account'] as const)
    t.equal(await ask(ping, { place, payload: xml('ping', { xmlns: NS.ping }) }), '')
})

// XEP-0092 §2, §5.
t.test('the version holds the operating system only where that is switched on', async t => {
  const payload = xml('query', { xmlns: NS.version })
  const plain = await ask(version, { place: 'server', payload })
  t.match(
    plain,
    /^<query xmlns="jabber:iq:version"><name>Tidings<\/name><version>\d+\.\d+\.\d+\S*<\/version><\/query>$/,
  )
  const whole = await ask(version, { place: 'server', payload, options: { os: true } })
  t.ok(whole.includes(`<os>${type()} ${release()}</os></query>`))
})

// XEP-0202 §2.
t.test('the time is that of the clock, in UTC, with the zone of the machine', async t => {
  const clock = new ManualClock(Date.UTC(2006, 11, 19, 17, 58, 35, 7))
  const answer = await ask(time, {
    place: 'server',
    payload: xml('time', { xmlns: NS.time }),
    host: { clock },
  })
  const offset = zone(-new Date(clock.now()).getTimezoneOffset())
  t.equal(
    answer,
    `<time xmlns="urn:xmpp:time"><tzo>${offset}</tzo><utc>2006-12-19T17:58:35.007Z</utc></time>`,
  )
})

// XEP-0082 §2.1.
t.test('time zones are written with sign, hours and minutes', async t => {
  t.equal(zone(0), '+00:00')
  t.equal(zone(330), '+05:30')
  t.equal(zone(-360), '-06:00')
  t.equal(zone(-210), '-03:30')
  t.equal(zone(840), '+14:00')
})
