import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import capabilities, { type SessionCapabilities } from '../../src/extensions/capabilities/index.ts'
import { verificationString } from '../../src/extensions/capabilities/verification.ts'
import disco from '../../src/extensions/disco.ts'
import ping from '../../src/extensions/ping.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { parseElement } from '../../src/xml/stored.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'

const EXODUS = `<identity category="client" type="pc" name="Exodus 0.9.1"/>
  <feature var="http://jabber.org/protocol/caps"/><feature var="http://jabber.org/protocol/disco#items"/>
  <feature var="http://jabber.org/protocol/disco#info"/><feature var="http://jabber.org/protocol/muc"/>`
const EXODUS_VER = 'QgayPKawpkPSDYmwT/WM94uAlu0='

const FORM = `<x xmlns="jabber:x:data" type="result">
  <field var="FORM_TYPE" type="hidden"><value>urn:xmpp:dataforms:softwareinfo</value></field>
  <field var="ip_version"><value>ipv6</value><value>ipv4</value></field><field var="software"><value>Psi</value></field>
  <field var="os"><value>Mac</value></field><field var="os_version"><value>10.5.1</value></field>
  <field var="software_version"><value>0.11</value></field></x>`
const PSI = `<identity xml:lang="en" category="client" name="Psi 0.11" type="pc"/>
  <identity xml:lang="el" category="client" name="Ψ 0.11" type="pc"/>
  <feature var="http://jabber.org/protocol/muc"/><feature var="http://jabber.org/protocol/caps"/>
  <feature var="http://jabber.org/protocol/disco#info"/><feature var="http://jabber.org/protocol/disco#items"/>`

const query = (content: string): Element =>
  parseElement(`<query xmlns="http://jabber.org/protocol/disco#info">${content}</query>`)

t.test('XEP-0115 §5.2, §5.3: the examples', async t => {
  t.equal(verificationString(query(EXODUS), 'sha-1'), EXODUS_VER)
  t.equal(verificationString(query(PSI + FORM), 'sha-1'), 'q07IKJEyjvHSyhy//CH0CxmKi8w=')
})

t.test('XEP-0115 §5.4 rule 3: what is ill-formed, and what is ignored', async t => {
  const bad: [string, string][] = [
    ['an identity twice', '<identity category="a" type="b"/><identity category="a" type="b"/>'],
    ['a feature twice', '<feature var="a"/><feature var="a"/>'],
    ['a form twice', FORM + FORM],
    ['two types of one form', FORM.replace('</value>', '</value><value>other</value>')],
    ['what separates the parts', '<feature var="a&lt;b"/>'],
  ]
  for (const [name, content] of bad) t.equal(verificationString(query(content), 'sha-1'), undefined, name)
  for (const form of [FORM.replace('type="hidden"', ''), FORM.replace('FORM_TYPE', 'TYPE')])
    t.equal(verificationString(query(EXODUS + form), 'sha-1'), EXODUS_VER)
})

async function people() {
  const clock = new ManualClock()
  let asked: SessionCapabilities | undefined
  const asking = defineExtension({
    name: 'asking',
    doc: 'asks',
    requires: [capabilities],
    setup(host) {
      asked = host.use(capabilities)
      return {}
    },
  })
  const { session, settled, routers } = core({ clock, extensions: [capabilities, asking] })
  const featuresOf = ({ jid }: TestSession): string[] | undefined => {
    const found = routers[0]?.homes.find(jid)?.session(jid.resource)
    const features = found && asked?.of(found)?.features
    return features && [...features]
  }
  /** Announces capabilities; gives the id of the question that comes of it. */
  const announce = async (who: TestSession, ver: string, hash = 'sha-1') => {
    who.received.length = 0
    const c = `<c xmlns="http://jabber.org/protocol/caps" node="n" ver="${ver}" hash="${hash}"/>`
    await who.send('presence', {}, parseElement(c))
    return /<iq [^>]*id="([^"]+)".*node="n#/.exec(who.received.join(''))?.[1]
  }
  const answer = async (who: TestSession, id: string | undefined, content: string, type = 'result') => {
    await who.send('iq', { type, id: id ?? '', to: 'localhost' }, query(content))
    await settled()
  }
  return { clock, session, settled, featuresOf, announce, answer }
}

t.test('what fits its hash is known of all who announce it', async t => {
  const { session, featuresOf, announce, answer } = await people()
  const [alice, bob] = [await session('alice', 'desk'), await session('bob', 'desk')]
  const id = await announce(alice, EXODUS_VER)
  t.ok(id)
  t.equal(featuresOf(alice), undefined)
  // Somebody else's answer is none.
  await answer(bob, id, EXODUS)
  t.equal(featuresOf(alice), undefined)
  await answer(alice, id, EXODUS)
  t.equal(featuresOf(alice)?.length, 4)
  t.equal(await announce(bob, EXODUS_VER), undefined, 'bob is not asked')
  t.equal(featuresOf(bob)?.length, 4)
})

t.test('what does not fit its hash poisons nothing', async t => {
  const { session, featuresOf, announce, answer } = await people()
  const [mallory, bob] = [await session('carol', 'desk'), await session('bob', 'desk')]
  await answer(mallory, await announce(mallory, EXODUS_VER), '<feature var="urn:less"/>')
  t.equal(featuresOf(mallory), undefined)
  const id = await announce(bob, EXODUS_VER)
  t.ok(id, 'the next one is asked')
  await answer(bob, id, EXODUS)
  t.equal(featuresOf(bob)?.length, 4)
})

t.test('a hash that cannot be checked counts for the one session', async t => {
  const { session, featuresOf, announce, answer } = await people()
  const [alice, bob] = [await session('alice', 'desk'), await session('bob', 'desk')]
  await answer(alice, await announce(alice, 'x', 'md2'), '<feature var="urn:a"/>')
  t.same(featuresOf(alice), ['urn:a'])
  t.ok(await announce(bob, 'x', 'md2'))
})

t.test('no answer, an error, or an answer after another announcement: nothing is known', async t => {
  const { clock, session, settled, featuresOf, announce, answer } = await people()
  const alice = await session('alice', 'desk')
  const late = await announce(alice, EXODUS_VER)
  clock.advance(30_000)
  await settled()
  await answer(alice, late, EXODUS)
  t.equal(featuresOf(alice), undefined)
  await answer(alice, await announce(alice, 'a'), '', 'error')
  t.equal(featuresOf(alice), undefined)
  const old = await announce(alice, EXODUS_VER)
  const current = await announce(alice, 'b')
  await answer(alice, old, EXODUS)
  t.equal(featuresOf(alice), undefined)
  t.ok(current)
})

t.test("XEP-0115 §6.3: the server's own are the hash of what it answers", async t => {
  const { session, settled, routers } = core({ extensions: [disco, ping, capabilities] })
  const [c] = routers[0]?.host('localhost')?.streamFeatures ?? []
  const { node, ver, hash } = c?.attrs ?? {}
  const alice = await session('alice', 'a')
  const ask = async (about?: string): Promise<string> => {
    await alice.send(
      'iq',
      { type: 'get', id: '1', to: 'localhost' },
      xml('query', { xmlns: NS.discoInfo, node: about }),
    )
    await settled()
    return alice.received.pop() ?? ''
  }
  const answer = parseElement(await ask(`${node}#${ver}`)).getChild('query', NS.discoInfo)
  t.equal(answer?.attrs.node, `${node}#${ver}`)
  t.equal(answer && verificationString(answer, String(hash)), ver)
  t.equal(answer?.getChildren('feature').length, 4)
  for (const other of [`${node}#other`, String(node), String(ver)])
    t.match(await ask(other), '<item-not-found')
})

t.test('without service discovery there is nothing to announce', async t => {
  const { routers } = core({ extensions: [capabilities] })
  t.same(routers[0]?.host('localhost')?.streamFeatures, [])
})
