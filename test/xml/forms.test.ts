import t from 'tap'
import { dateTime, delay } from '../../src/xml/delay.ts'
import { blankForm, FormError, field, filledForm, resultForm } from '../../src/xml/forms.ts'
import { JID } from '../../src/xml/jid.ts'

// XEP-0004 §3.1: a form of type "result" returns data.
// XEP-0068 §4.2: its meaning is in a hidden field named FORM_TYPE.
t.test('a form of results', async t => {
  const form = resultForm('http://jabber.org/network/serverinfo', {
    'abuse-addresses': ['mailto:abuse@example.org', 'xmpp:abuse@example.org'],
    'admin-addresses': [],
  })
  t.equal(
    form.toString(),
    '<x xmlns="jabber:x:data" type="result">' +
      '<field var="FORM_TYPE" type="hidden"><value>http://jabber.org/network/serverinfo</value></field>' +
      '<field var="abuse-addresses"><value>mailto:abuse@example.org</value><value>xmpp:abuse@example.org</value></field>' +
      '<field var="admin-addresses"/></x>',
  )
})

// XEP-0004 §3.2, §3.3: fields with what they are filled in with at first, and what may be chosen.
t.test('a form to be filled in', async t => {
  const form = {
    title: 'Trip',
    fields: {
      town: field.text({ label: 'Town', required: true }),
      word: field.secret({ label: 'Password' }),
      back: field.boolean({ label: 'Back', value: true }),
      by: field.choice({ label: 'How', options: { bus: 'By bus' } }),
    },
  }
  t.equal(
    blankForm(form).toString(),
    '<x xmlns="jabber:x:data" type="form"><title>Trip</title>' +
      '<field var="town" type="text-single" label="Town"><required/></field>' +
      '<field var="word" type="text-private" label="Password"/>' +
      '<field var="back" type="boolean" label="Back"><value>1</value></field>' +
      '<field var="by" type="list-single" label="How"><required/><option label="By bus"><value>bus</value></option></field></x>',
  )
  const filled = (values: Record<string, string>) =>
    filledForm(form, new Map(Object.entries(values).map(([name, value]) => [name, [value]])))
  t.same(filled({ town: 'Rome', by: 'bus', other: 'x' }), { town: 'Rome', word: '', back: true, by: 'bus' })
  for (const [back, read] of Object.entries({ 0: false, false: false, 1: true, true: true }))
    t.equal(filled({ town: 'Rome', by: 'bus', back }).back, read)
  t.throws(() => filled({ by: 'bus' }), new FormError('Town: this has to be filled in'))
  t.throws(() => filled({ town: '', by: 'bus' }), new FormError('Town: this has to be filled in'))
  t.throws(() => filled({ town: 'Rome', by: 'train' }), new FormError('How: this cannot be taken'))
  t.throws(() => filled({ town: 'Rome', by: 'bus', back: 'no' }), new FormError('Back: this cannot be taken'))
})

// XEP-0004 §3.3: jid-single, jid-multi.
t.test('addresses in a form', async t => {
  const fields = {
    one: field.address({ label: 'One' }),
    many: field.addresses({ label: 'Many' }),
  }
  const filled = (one: string[], many: string[]) =>
    filledForm({ title: 'Who?', fields }, new Map(Object.entries({ one, many })))
  const { one, many } = filled([' Bob@localhost '], ['a@b', 'c@d/e'])
  t.same([String(one), many.map(String)], ['bob@localhost', ['a@b', 'c@d/e']])
  for (const [given, text] of [
    [[[], ['a@b']], 'One: this has to be filled in'],
    [[[''], ['a@b']], 'One: this has to be filled in'],
    [[['a b@c'], ['a@b']], 'One: this cannot be taken'],
    [[['a@b'], []], 'Many: this has to be filled in'],
    [[['a@b'], ['a@b', 'a b@c']], 'Many: this cannot be taken'],
  ] as const)
    t.throws(() => filled([...given[0]], [...given[1]]), new FormError(text))
})

// XEP-0203 §2
t.test('a delay', async t => {
  const moment = Date.UTC(2002, 8, 10, 23, 8, 25)
  t.equal(dateTime(moment), '2002-09-10T23:08:25.000Z')
  t.equal(
    delay(JID.parse('capulet.com'), moment, 'Offline Storage').toString(),
    '<delay xmlns="urn:xmpp:delay" from="capulet.com" stamp="2002-09-10T23:08:25.000Z">Offline Storage</delay>',
  )
  t.equal(
    delay(JID.parse('a@b'), 0).toString(),
    '<delay xmlns="urn:xmpp:delay" from="a@b" stamp="1970-01-01T00:00:00.000Z"/>',
  )
})
