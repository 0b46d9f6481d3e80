import t from 'tap'
import { DateTimes, DelayNote, dateTime, parseDateTime } from '../../src/xml/delay.ts'
import { JID } from '../../src/xml/jid.ts'

t.test('XEP-0082 §3.2: reads moments', async t => {
  const noon = Date.UTC(2026, 0, 31, 12)
  for (const text of [
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00.000Z',
    '2026-01-31T12:00:00.000999Z',
    '2026-01-31T13:30:00+01:30',
    '2026-01-31T04:00:00-08:00',
  ])
    t.equal(parseDateTime(text), noon, text)
  t.equal(parseDateTime('2026-01-31T12:00:00.5Z'), noon + 500)
  t.equal(parseDateTime(dateTime(noon + 7)), noon + 7)
  for (const text of [
    '',
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-13-31T12:00:00Z',
    '2026-01-31T25:00:00Z',
    '20260131T12:00:00',
    'x2026-01-31T12:00:00Z',
  ])
    t.equal(parseDateTime(text), undefined, text)
})

t.test('XEP-0203 §2: the same note for one moment after another', async t => {
  const note = new DelayNote(JID.parse('localhost'), 'a & b')
  for (const moment of [0, 1_700_000_000_000])
    t.equal(
      note.at(moment).toString(),
      `<delay xmlns="urn:xmpp:delay" from="localhost" stamp="${dateTime(moment)}">a &amp; b</delay>`,
    )
})

t.test('XEP-0082 §3.2: one moment after another is written as each alone', async t => {
  const times = new DateTimes()
  const day = 86_400_000
  for (const moment of [
    0,
    1,
    10,
    999,
    59_999,
    day - 1,
    day,
    2 * day - 1,
    -1,
    -day,
    1_790_000_000_123,
    8.64e15,
    12,
  ])
    t.equal(times.at(moment), dateTime(moment))
})
