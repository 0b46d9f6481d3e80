/** Properties of the reader and of stanzas, over random trees: with fast-check. */
import fc from 'fast-check'
import t from 'tap'
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { printElement } from '../../src/xml/print.ts'
import { TRUSTED_LIMITS } from '../../src/xml/reader.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { canonical } from '../fuzz/canonical.ts'
import { elementsOf, HEADER, readAll } from '../support/xml.ts'

/** A tree before it is one: ltx elements can't be shared between trees. */
interface Plan {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly (Plan | string)[]
}

const alice = JID.parse('alice@localhost/1')
const name = fc.constantFrom('a', 'b', 'body', 'message', 'x-1', 'ä')
const namespace = fc.constantFrom('urn:a', 'urn:b&"', NS.client, '')
/** Characters that XML can hold, those that need escapes among them. */
const character = fc.oneof(
  fc.constantFrom('<', '>', '&', '"', "'", ']', '\r', '\n', '\t', ' ', ';', '#'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).filter(one => one >= ' '),
)
const text = fc.array(character, { maxLength: 8 }).map(characters => characters.join(''))
const attributes = fc
  .record({ xmlns: namespace, 'xml:lang': text, id: text, ü: text }, { requiredKeys: [] })
  .map(chosen => ({ ...chosen }) as Record<string, string>)
const { tree } = fc.letrec<{ tree: Plan }>(tie => ({
  tree: fc.record({
    name,
    attributes,
    children: fc.array(fc.oneof({ depthSize: 'small' }, text, tie('tree') as fc.Arbitrary<Plan>), {
      maxLength: 4,
    }),
  }),
}))
const content = fc.array(tree, { maxLength: 5 })

function build({ name, attributes, children }: Plan): Element {
  const element = xml(name, attributes)
  for (const child of children) {
    if (typeof child !== 'string') element.cnode(build(child))
    // An empty text is no child after reading, and two texts are one.
    else if (child !== '') element.t(child)
  }
  return element
}

function stanzaOf(plans: readonly Plan[]): Stanza {
  return Stanza.build('message', { from: alice, id: '1' }, ...plans.map(build))
}

/** What the children of a stanza mean. */
function meaning(elements: readonly Element[]): string[] {
  return elements.map(element => canonical(element, { '': NS.client }))
}

/** Cuts bytes at some places, repeated places giving empty pieces. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return ends.map((end, k) => Buffer.from(bytes.subarray(k === 0 ? 0 : ends[k - 1], end)))
}

t.test('what is printed is read back, whatever the pieces', async t => {
  fc.assert(
    fc.property(fc.array(content, { maxLength: 4 }), fc.array(fc.nat()), (plans, places) => {
      const stanzas = plans.map(stanzaOf)
      const bytes = Buffer.concat([
        Buffer.from(HEADER),
        ...stanzas.map(stanza => stanza.encode()),
        Buffer.from(' </stream:stream>'),
      ])
      const { items, error } = readAll(cut(bytes, places), TRUSTED_LIMITS)
      if (error !== undefined) throw error
      const kinds = items.map(({ kind }) => kind)
      t.strictSame(kinds, ['open', ...stanzas.map(() => 'element'), 'close'])
      for (const [k, top] of elementsOf({ items, error }).entries()) {
        t.strictSame(meaning(top.tree().getChildElements()), meaning(plans[k]!.map(build)))
        t.ok(Stanza.fromElement(top, alice, undefined).encode().equals(stanzas[k]!.encode()), 'to the byte')
      }
    }),
  )
})

t.test('pack and unpack keep every byte', async t => {
  fc.assert(
    fc.property(content, fc.option(text), fc.option(text), (plans, type, lang) => {
      const stanza = stanzaOf(plans).with({
        type: type ?? undefined,
        lang: lang ?? undefined,
        to: alice.bare,
      })
      const again = Stanza.unpack(stanza.pack())
      t.ok(again.pack().equals(stanza.pack()))
      t.strictSame([again.type, again.lang], [stanza.type, stanza.lang])
      const framed = Stanza.fromFrame(stanza.toFrame())
      t.ok(framed.encode().equals(stanza.encode()), 'for another node')
      t.strictSame([framed.type, framed.lang], [stanza.type, stanza.lang])
    }),
  )
})

t.test('splices do what a change of the tree does', async t => {
  fc.assert(
    fc.property(content, name, namespace, tree, (plans, name, ns, more) => {
      const stanza = stanzaOf(plans)
      const picked = (one: string, other: string) => one === name && other === ns
      const trees = plans.map(build)
      const kept = trees.filter(element => !picked(element.name, element.attrs.xmlns ?? NS.client))
      const less = stanza.without(picked)
      t.strictSame(meaning(less.children()), meaning(kept))
      t.notOk(less.has(name, ns))
      t.equal(stanza.has(name, ns), kept.length < trees.length)
      const plus = less.plus(build(more))
      t.strictSame(meaning(plus.children()), meaning([...kept, build(more)]))
      const printed = Buffer.from(printElement(build(more), NS.client))
      t.ok(less.plus(printed).encode().equals(plus.encode()), 'bytes or a tree')
      t.ok(Stanza.unpack(plus.pack()).encode().equals(plus.encode()), 'the table of children fits')
      t.strictSame(meaning(Stanza.unpack(plus.pack()).children()), meaning(plus.children()))
      t.strictSame(meaning(Stanza.fromFrame(plus.toFrame()).children()), meaning(plus.children()))
      const edited = stanza.edit(copy => {
        copy.children = copy.children.filter(
          child => typeof child === 'string' || !picked(child.name, child.attrs.xmlns ?? NS.client),
        )
      })
      t.strictSame(meaning(edited.children()), meaning(kept))
    }),
  )
})
