/** One document of the fuzz: what the reader and what libexpat make of it, and of what goes out again. */
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { type ReaderLimits, TRUSTED_LIMITS } from '../../src/xml/reader.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { elementsOf, HEADER, type Outcome, readAll } from '../support/xml.ts'
import { canonical, canonicalTop, normalized } from './canonical.ts'
import type { Opinion } from './expat.ts'
import type { Random } from './random.ts'
import { isBroken, ruleOverlooked } from './rules.ts'

/** Small, so that random documents reach them. */
const FUZZ_LIMITS: Readonly<ReaderLimits> = {
  stanzaBytes: 2_000,
  depth: 8,
  attributes: 8,
  children: 30,
  nameBytes: 40,
}

const FROM = JID.parse('alice@localhost/1')
const TO = JID.parse('bob@localhost')
const END = '</stream:stream>'
const SERVER_HEADER = Buffer.from(HEADER.replace(NS.client, NS.server))
const CARBON_START = `<received xmlns='${NS.carbons}'><forwarded xmlns='${NS.forward}'>`
const CARBON_END = '</forwarded></received>'

const MARK = xml('store', { xmlns: NS.hints })
/** How a tree begins the attribute xml:lang. */
const LANG = `${NS.xml}\x01lang\x04`
/** A mistake within quotes may look like a tag that has not ended, until the next '<' comes. */
const LATER = Buffer.from('<')

/** What a case has shown. */
export interface Verdict {
  readonly failure: string | undefined
  readonly acceptedByExpat: boolean
}

export class Case {
  readonly document: string
  /** What libexpat is asked about: the document, and what goes out. */
  readonly documents: readonly Buffer[]
  /** The rule by which the reader refused the document. */
  readonly rule: string | undefined
  readonly #outcome: Outcome
  /** The stanzas among the elements, with their places. */
  readonly #stanzas = new Map<number, Stanza>()
  #failure: string | undefined

  constructor(document: string, random: Random) {
    this.document = document
    const bytes = Buffer.from(document, 'latin1')
    this.#outcome = readAll([bytes], FUZZ_LIMITS)
    this.rule = this.#outcome.error?.rule
    const whole = summaryOf(readAll([bytes, LATER], FUZZ_LIMITS))
    const split = summaryOf(readAll([...pieces(bytes, random), LATER], FUZZ_LIMITS))
    if (split !== whole) this.#fail(`split: ${split} instead of ${whole}`)
    for (const [place, top] of elementsOf(this.#outcome).entries()) {
      if (top.ns === NS.client && ['message', 'presence', 'iq'].includes(top.name))
        this.#stanzas.set(place, Stanza.fromElement(top, FROM, TO))
    }
    // White space before an XML declaration belongs to the stream that was restarted; libexpat knows no such thing.
    this.documents = [Buffer.from(document.trimStart(), 'latin1'), this.#outgoing()]
  }

  judge([incoming, outgoing]: readonly Opinion[]): Verdict {
    const acceptedByExpat = incoming!.error === ''
    this.#judgeAcceptance(incoming!)
    for (const [place, top] of elementsOf(this.#outcome).entries()) {
      const expected = normalized(incoming!.trees[place] ?? '')
      this.#same('incoming', canonicalTop(top, NS.client), expected)
    }
    if (outgoing!.error !== '') this.#fail(`outgoing: ${outgoing!.error}`)
    for (const [k, place] of [...this.#stanzas.keys()].entries()) {
      const expected = asDelivered(normalized(incoming!.trees[place] ?? ''), languageOf(incoming!))
      const [plain, server, edited, carbon] = outgoing!.trees.slice(4 * k).map(normalized)
      this.#same('to a client', plain, expected)
      this.#same('to a server', server, expected)
      this.#same('edited', edited, expected)
      this.#same('in a carbon', carbon, inCarbon(expected))
    }
    return { failure: this.#failure, acceptedByExpat }
  }

  #judgeAcceptance(expat: Opinion): void {
    const closed = this.#outcome.items.at(-1)?.kind === 'close'
    if (this.rule === undefined) {
      if (closed && expat.error !== '') this.#fail(`accepted, but libexpat says ${expat.error}`)
      if (!closed && expat.error === '') this.#fail('libexpat has seen the end, the reader has not')
      if (closed && expat.trees.length !== elementsOf(this.#outcome).length)
        this.#fail('another number of elements')
      const overlooked = closed ? ruleOverlooked(expat, this.document, FUZZ_LIMITS) : undefined
      if (overlooked !== undefined) this.#fail(`accepted against ${overlooked}`)
    } else if (expat.error === '' && !isBroken(this.rule, expat, this.document, FUZZ_LIMITS)) {
      this.#fail(`refused by ${this.rule} without a reason`)
    }
  }

  /** A stream of all that the stanzas become, four forms of each. */
  #outgoing(): Buffer {
    const parts: Buffer[] = [Buffer.from(HEADER)]
    for (const stanza of this.#stanzas.values()) {
      parts.push(stanza.encode(), stanza.encodeIn(NS.server), stanza.edit(() => {}).encode())
      const forwarded = Buffer.concat([
        Buffer.from(CARBON_START),
        stanza.encodeIn(NS.client),
        Buffer.from(CARBON_END),
      ])
      parts.push(Stanza.build('message', { from: FROM, to: TO }).plus(forwarded).encode())
      this.#roundTrip(stanza)
      this.#childrenOf(stanza)
    }
    return Buffer.concat([...parts, Buffer.from(END)])
  }

  /** Over a server link and through storage nothing changes, down to the bytes. */
  #roundTrip(stanza: Stanza): void {
    const linked = readAll([SERVER_HEADER, stanza.encodeIn(NS.server)], TRUSTED_LIMITS, NS.server)
    const [top] = elementsOf(linked)
    if (top === undefined) {
      this.#fail(`over a server link: ${linked.error?.rule}`)
      return
    }
    const stored = Stanza.unpack(Stanza.fromElement(top, FROM, TO).pack())
    if (!stored.encode().equals(stanza.encode()))
      this.#fail(`over a link and stored: ${stored.encode()} instead of ${stanza.encode()}`)
  }

  /** Each child alone is what it is in the whole. */
  #childrenOf(stanza: Stanza): void {
    const alone = stanza.plus(MARK).without((_, ns) => ns === NS.hints)
    const whole = stanza.element().getChildElements()
    for (const [k, child] of alone.children().entries())
      this.#same('a child', canonical(child, {}), canonical(whole[k]!, { '': NS.client }))
    if (!alone.encode().equals(stanza.encode())) this.#fail('one child more and one less is not the same')
  }

  #same(what: string, found: string | undefined, expected: string): void {
    if (found !== expected)
      this.#fail(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
  }

  #fail(why: string): void {
    this.#failure ??= why
  }
}

function pieces(bytes: Buffer, random: Random): Buffer[] {
  const largest = random.pick([1, 3, 20, 200])
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(largest)
    // A copy, so that nothing can look behind the piece.
    found.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  return found
}

function summaryOf({ items, error }: Outcome): string {
  const lines = items.map(item => {
    if (item.kind !== 'element') return item.kind
    const { name, ns, lang, attributes, content, children } = item
    return JSON.stringify({ name, ns, lang, attributes, content: content.toString('latin1'), children })
  })
  return [...lines, error?.rule].join('\n')
}

/** The tree of a received stanza as it is delivered: other addresses, and the language of its stream where it has none. */
function asDelivered(tree: string, language: string | undefined): string {
  const contentAt = tree.indexOf('\x05')
  const [name, ...attributes] = tree.slice(0, contentAt).split('\x03')
  const others = attributes.filter(
    attribute => !attribute.startsWith('to\x04') && !attribute.startsWith('from\x04'),
  )
  others.push(`to\x04${TO}`, `from\x04${FROM}`)
  if (language !== undefined && !others.some(attribute => attribute.startsWith(LANG)))
    others.push(`${LANG}${language}`)
  return [name, ...others.sort(byBytes)].join('\x03') + tree.slice(contentAt)
}

function languageOf({ flags }: Opinion): string | undefined {
  for (const flag of flags) if (flag.startsWith('lang:')) return flag.slice('lang:'.length)
  return undefined
}

function inCarbon(tree: string): string {
  const outer = [`\x02${NS.client}\x01message`, `from\x04${FROM}`, `to\x04${TO}`].join('\x03')
  const wrappers = `\x02${NS.carbons}\x01received\x05\x02${NS.forward}\x01forwarded\x05`
  return `${outer}\x05${wrappers}${tree}\x07\x07\x07`
}

/** The order of Python's `sorted`, which is that of code points. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
