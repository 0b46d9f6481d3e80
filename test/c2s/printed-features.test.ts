/** Stream features that are printed once: the same bytes for the same key, others for others. */
import t from 'tap'
import { PrintedFeatures } from '../../src/c2s/printed-features.ts'
import { webSocketWire } from '../../src/c2s/websocket-wire.ts'
import { tcpWire } from '../../src/c2s/wire.ts'
import { xml } from '../../src/xml/element.ts'

/** Features that say how often they were made. */
function counted() {
  let made = 0
  return { make: () => xml('stream:features', {}, xml('made', { xmlns: 'urn:test', times: String(++made) })) }
}

t.test('what has one key is made once for each form of a stream', async t => {
  const features = new PrintedFeatures()
  const { make } = counted()
  const first = features.of(tcpWire, 'a', make)
  t.equal(first.toString(), '<stream:features><made xmlns="urn:test" times="1"/></stream:features>')
  t.equal(features.of(tcpWire, 'a', make), first)
  // RFC 7395 §3.3.3: there it is in a frame of its own, with its namespaces.
  const framed = features.of(webSocketWire, 'a', make)
  t.match(framed.toString('latin1'), 'xmlns:stream="http://etherx.jabber.org/streams"')
  t.equal(features.of(webSocketWire, 'a', make), framed)
  t.match(features.of(tcpWire, 'b', make).toString(), 'times="3"')
})

t.test('however many keys there are, few are remembered', async t => {
  const features = new PrintedFeatures()
  const { make } = counted()
  for (let key = 0; key <= 256; key++) features.of(tcpWire, String(key), make)
  t.match(features.of(tcpWire, '0', make).toString(), 'times="258"', 'the first one was forgotten')
  t.match(features.of(tcpWire, '256', make).toString(), 'times="257"', 'the last one was not')
})
