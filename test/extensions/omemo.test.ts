/** XEP-0384 §5.3.2: what is logged and counted of bundles that cannot be used. What is refused is in the dialogue 0384-bundles-refused. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IdentityKeyPair, PrivateKey } from '@signalapp/libsignal-client'
import t from 'tap'
import { current, legacy } from '../../src/extensions/omemo/bundles.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { parseElement } from '../../src/xml/stored.ts'
import { keepingLog } from '../support/keeping-log.ts'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/omemo')

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const raw = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(-32)

function legacyBundle(wrong = false): Element {
  const identity = IdentityKeyPair.generate()
  const key = PrivateKey.generate().getPublicKey().serialize()
  const signature = Buffer.from(identity.privateKey.sign(key))
  if (wrong) signature[0]! ^= 1
  const others = Array.from({ length: 25 }, (_, i) =>
    xml(
      'preKeyPublic',
      { preKeyId: String(i + 1) },
      base64(PrivateKey.generate().getPublicKey().serialize()),
    ),
  )
  return xml(
    'bundle',
    { xmlns: NS.omemoLegacy },
    xml('signedPreKeyPublic', { signedPreKeyId: '1' }, base64(key)),
    xml('signedPreKeySignature', {}, base64(signature)),
    xml('identityKey', {}, base64(identity.publicKey.serialize())),
    xml('prekeys', {}, others),
  )
}

function currentBundle(wrong = false): Element {
  const identity = generateKeyPairSync('ed25519')
  const key = raw(generateKeyPairSync('x25519').publicKey)
  const signature = sign(null, key, identity.privateKey)
  if (wrong) signature[40]! ^= 1
  const others = Array.from({ length: 25 }, (_, i) =>
    xml('pk', { id: String(i + 1) }, base64(raw(generateKeyPairSync('x25519').publicKey))),
  )
  return xml(
    'bundle',
    { xmlns: NS.omemo },
    xml('spk', { id: '1' }, base64(key)),
    xml('spks', {}, base64(signature)),
    xml('ik', {}, base64(raw(identity.publicKey))),
    xml('prekeys', {}, others),
  )
}

t.test('keys of libsignal and of Node are taken, each time; with a bit turned they are not', async t => {
  const library = await import('@signalapp/libsignal-client')
  const wrong = 'the signature of its signed key is wrong'
  for (let round = 0; round < 50; round++) {
    t.equal(legacy.judge(legacyBundle(), library), undefined)
    t.equal(legacy.judge(legacyBundle(true), library), wrong)
    t.equal(current.judge(currentBundle(), undefined), undefined)
    t.equal(current.judge(currentBundle(true), undefined), wrong)
  }
})

t.test('bundles that clients have published', async t => {
  const library = await import('@signalapp/libsignal-client')
  const files = readdirSync(FIXTURES).filter(file => file.endsWith('.xml'))
  t.equal(files.length, 6)
  for (const file of files) {
    const publish = parseElement(readFileSync(join(FIXTURES, file), 'utf8').trim())
    const version = current.has(publish.attrs.node ?? '') ? current : legacy
    const bundle = publish.getChild('item')!.getChildElements()[0]!
    t.equal(version.judge(bundle, library), undefined, file)
    // The same bundle with another key signed.
    const key = bundle.getChild('spk') ?? bundle.getChild('signedPreKeyPublic')!
    const other = bundle.getChild('prekeys')!.getChildElements()[0]!
    key.children = [...other.children]
    t.equal(version.judge(bundle, library), 'the signature of its signed key is wrong', file)
  }
})

t.test('they are logged and counted, without a key', async t => {
  const log = keepingLog()
  const accounts = [['alice@localhost', 'secret']] as const
  const server = await TestServer.start({ accounts, log, config: { extensions: { omemo: {} } } })
  t.teardown(() => server.close())
  const alice = await signedIn(t, server.ports[0]!.tcp, 'alice', 'secret')
  const bundles = [
    legacyBundle(),
    legacyBundle(true),
    currentBundle(),
    currentBundle(true),
    currentBundle(true),
  ]
  for (const [i, bundle] of bundles.entries()) {
    const [node, item] = bundle.is('bundle', NS.omemo)
      ? [`${NS.omemo}:bundles`, '7']
      : [`${NS.omemoLegacy}.bundles:7`, 'current']
    alice.send(
      `<iq type="set" id="b${i}"><pubsub xmlns="${NS.pubsub}"><publish node="${node}"><item id="${item}">${bundle}</item></publish></pubsub></iq>`,
    )
    await alice.expect(`id="b${i}"`)
  }
  const told = log.lines.filter(({ code }) => code === 'TIDINGS_OMEMO_BUNDLE')
  t.equal(told.length, 3)
  for (const line of told) {
    t.match(line, { device: '7', wrong: 'the signature of its signed key is wrong', refused: false })
    t.notMatch(JSON.stringify(line), /[A-Za-z0-9+/]{40}/, 'no key')
  }
  const counted = server.metrics.all.flatMap(({ name, labels, ...metric }) =>
    name === 'tidings_omemo_bundles_total' && metric.kind === 'counter'
      ? [[`${labels.version} ${labels.result}`, metric.counter.value] as const]
      : [],
  )
  t.same(Object.fromEntries(counted), {
    'legacy good': 1,
    'legacy bad': 1,
    'legacy unchecked': 0,
    'current good': 1,
    'current bad': 2,
    'current unchecked': 0,
  })
  alice.socket.destroy()
})
