/** What extensions answer before sign-in, and what they offer there. */
import t, { type Test } from 'tap'
import { StanzaError, TidingsError } from '../../src/core/errors.ts'
import { defineExtension, type NewStream } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { c2s, header, plainAuth, signIn } from '../support/c2s.ts'
import { core } from '../support/core.ts'
import { RawClient } from '../support/raw-client.ts'

const NAMESPACE = 'urn:example:early'

/** Counts the requests of each stream; refuses what is called "no", and fails at "fault". */
const early = defineExtension({
  name: 'early',
  doc: 'Answers before sign-in',
  setup() {
    const counts = new WeakMap<NewStream, number>()
    return {
      beforeSignIn: {
        features: () => [xml('early', { xmlns: NAMESPACE })],
        iq: [
          {
            type: 'get',
            namespace: NAMESPACE,
            name: 'count',
            handler: async (payload, stream) => {
              if (payload.getText() === 'no') throw new StanzaError('forbidden')
              if (payload.getText() === 'fault') throw new Error('a fault')
              const count = (counts.get(stream) ?? 0) + 1
              counts.set(stream, count)
              return xml('count', { xmlns: NAMESPACE, from: stream.address }, String(count))
            },
          },
        ],
      },
    }
  },
})

const request = (text: string, attributes = "type='get' id='1'") =>
  `<iq ${attributes}><count xmlns='${NAMESPACE}'>${text}</count></iq>`

async function opened(t: Test, options: Parameters<typeof c2s>[1] = {}) {
  const { port } = await c2s(t, { listen: { tls: 'off' }, extensions: [early], ...options })
  const client = await RawClient.connect(port)
  t.teardown(() => client.socket.destroy())
  client.send(header())
  await client.expect(/<early xmlns="urn:example:early"\/><\/stream:features>/)
  return client
}

t.test('a stream is one thing to extensions, with the address of its client', async t => {
  const client = await opened(t)
  client.send(request(''))
  await client.expect(`<iq type="result" id="1"><count xmlns="${NAMESPACE}" from="127.0.0.1">1</count></iq>`)
  client.send(request('', "type='get' id='2' to='localhost'"))
  await client.expect(
    `<iq type="result" id="2" from="localhost"><count xmlns="${NAMESPACE}" from="127.0.0.1">2</count></iq>`,
  )
})

t.test('nothing of it is offered after sign-in', async t => {
  const client = await opened(t)
  client.send(plainAuth('alice'))
  await client.expect('<success')
  client.send(header())
  const [features] = await client.expect(/<stream:features>.*<\/stream:features>/)
  t.notMatch(features, NAMESPACE)
})

t.test('errors are answered, a fault without its text, and at last the stream ends', async t => {
  const client = await opened(t, { listen: { tls: 'off' }, limits: { attempts: 2 } })
  client.send(request('no'))
  await client.expect(/<iq type="error" id="1"><error type="auth"><forbidden/)
  client.send(request('fault'))
  await client.expect(
    /<iq type="error" id="1"><error type="cancel"><internal-server-error [^>]*\/><\/error><\/iq>/,
  )
  t.match(await client.end(), /<policy-violation/)
})

// RFC 6120 §4.9.3.12, §8.2.3.
t.test('whatever nobody claims ends the stream', async t => {
  for (const wrong of [
    request('', "type='set' id='1'"),
    request('', "type='get'"),
    request('', "type='get' id='1' to='other.example'"),
    request('', "type='get' id='1' to='alice@localhost'"),
    `<iq type='get' id='1'><count xmlns='${NAMESPACE}'/><count xmlns='${NAMESPACE}'/></iq>`,
    "<iq type='get' id='1'/>",
    "<iq type='get' id='1'><count xmlns='urn:example:other'/></iq>",
    `<message id='1'><count xmlns='${NAMESPACE}'/></message>`,
  ]) {
    const client = await opened(t)
    client.send(wrong)
    t.match(await client.end(), /<not-authorized/, wrong)
  }
})

t.test('once signed in it is no claim any more', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' }, extensions: [early] })
  const client = await RawClient.connect(port)
  t.teardown(() => client.socket.destroy())
  await signIn(client, 'alice', 'phone')
  client.send(request('', "type='get' id='1' to='localhost'"))
  await client.expect(/<iq [^>]*type="error".*<service-unavailable/)
})

t.test('two extensions cannot claim the same request', async t => {
  const other = defineExtension({ ...early, name: 'other' })
  t.throws(() => core({ extensions: [early, other] }), {
    name: TidingsError.name,
    code: 'TIDINGS_IQ_CLAIMED_TWICE',
    message: /"other" claims <count .*\(get, before sign-in\), which "early" has claimed/,
  })
})
