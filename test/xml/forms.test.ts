import t from 'tap'
import { dateTime, delay } from '../../src/xml/delay.ts'
import { resultForm } from '../../src/xml/forms.ts'
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
