/** XEP-0313 §4.2: results as bytes, as stanzas and as trees. */
import t from 'tap'
import { printResults } from '../../src/extensions/archive/results.ts'
import type { ArchiveEntry } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'

const owner = JID.parse('zoé@localhost')
const to = owner.withResource("o'phone")

function entry(n: number, body: string): ArchiveEntry {
  const payload = Buffer.from(`<message xmlns='${NS.client}' id='m${n}'><body>${body}</body></message>`)
  return {
    id: BigInt(n),
    time: Date.UTC(2026, 0, 31, 12, 0, n),
    peer: owner,
    payload,
    sequence: n,
    unread: 0,
  }
}

t.test('what is printed once for all is in each', async t => {
  const entries = [entry(1, 'ü'), entry(2, 'plain')]
  const found = { owner, to, queryId: 'a&b', ids: ['one', 'two'], numbered: true }
  const [first, second] = printResults(entries, found)
  t.equal(
    first!.encode().toString(),
    `<message to="zoé@localhost/o&apos;phone" from="zoé@localhost"><result xmlns="urn:xmpp:mam:2" queryid="a&amp;b" id="one">` +
      '<forwarded xmlns="urn:xmpp:forward:0"><delay xmlns="urn:xmpp:delay" stamp="2026-01-31T12:00:01.000Z"/>' +
      `<message xmlns='jabber:client' id='m1'><body>ü</body></message></forwarded>` +
      `<sequence xmlns="${NS.sequence}" by="zoé@localhost" number="1" unread="0"/></result></message>`,
  )
  const result = second!.child('result', NS.archive)
  t.same(
    { id: result?.attrs.id, queryid: result?.attrs.queryid, children: second!.children().length },
    { id: 'two', queryid: 'a&b', children: 1 },
  )
  const forwarded = result?.getChild('forwarded', NS.forward)
  t.equal(forwarded?.getChild('delay', NS.delay)?.attrs.stamp, '2026-01-31T12:00:02.000Z')
  t.equal(forwarded?.getChild('message', NS.client)?.getChildText('body'), 'plain')
  t.equal(second!.kind, 'message')
  t.ok(second!.from.equals(owner) && second!.to?.equals(to))
})

t.test('another copy of a result is printed like any other stanza', async t => {
  const [result] = printResults([entry(1, 'x')], {
    owner,
    to,
    queryId: undefined,
    ids: ['one'],
    numbered: false,
  })
  const bytes = result!.encode().toString()
  t.equal(result!.compact().encode().toString(), bytes)
  t.equal(result!.size, bytes.indexOf('</message>', bytes.indexOf('</result>')) - bytes.indexOf('<result'))
  t.equal(result!.pack().toString(), bytes.replace('<message ', `<message xmlns="${NS.client}" `))
  t.equal(
    result!.with({ to: owner }).encode().toString(),
    bytes.replace('é@localhost/o&apos;phone', 'é@localhost'),
  )
})
