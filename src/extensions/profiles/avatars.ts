/** XEP-0398: the avatar that an account publishes (XEP-0084) is the photo of its card (XEP-0153), and the other way round. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import type { PublishedEdit, PublishedNodes } from '../pubsub/index.ts'

/** Owners whose avatars are known by their hashes. */
const OWNERS = 20_000
/** As everybody sees cards. */
const OPEN = { access: 'open' } as const
/** Without a word about it in the card. */
const ANY_TYPE = 'image/png'

/** Avatars of accounts. There is one of each, in the nodes: cards are shown with it. In the owner's lane, at his home. */
export class Avatars {
  readonly #published: PublishedNodes
  /** Hashes (XEP-0084: ids of items); '' for none. */
  readonly #hashes = new LRUCache<string, string>({ max: OWNERS })

  constructor(published: PublishedNodes) {
    this.#published = published
  }

  /** The photo of a card, as far as somebody may see it. */
  async photo(owner: JID, who: JID): Promise<Element | undefined> {
    const info = await this.#info(owner, who)
    const id = info?.attrs.id
    if (id === undefined) return undefined
    const data = await this.#published.item(owner, NS.avatarData, id, who)
    if (data?.payload === undefined) return undefined
    const text = parseElement(data.payload).getText().replaceAll(/\s/g, '')
    return xml('PHOTO', {}, xml('TYPE', {}, info?.attrs.type ?? ANY_TYPE), xml('BINVAL', {}, text))
  }

  /** Takes the photo out of a card that its owner has set: what to change about the nodes for it. Throws nothing: what is no image is left in the card. */
  async taken(owner: JID, card: Element): Promise<readonly PublishedEdit[]> {
    const photo = card.getChild('PHOTO')
    const text = photo?.getChildText('BINVAL')?.replaceAll(/\s/g, '') ?? ''
    // COMPAT Converse 14: whoever takes the photo away sets one of nothing.
    const isEmpty = photo !== undefined && text === '' && photo.getChild('EXTVAL') === undefined
    if (isEmpty) card.remove(photo)
    const current = (await this.#info(owner))?.attrs.id
    // XEP-0153 §3.1: a card without a photo says that there is none; one with an address of it says nothing about what is here.
    if (photo === undefined || isEmpty)
      return current === undefined
        ? []
        : [this.#metadata('none', xml('metadata', { xmlns: NS.avatarMetadata }))]
    if (text === '' || !BASE64.test(text)) return []
    card.remove(photo)
    const image = Buffer.from(text, 'base64')
    // XEP-0398 §3.2: the id is the hash of the image.
    const id = createHash('sha1').update(image).digest('hex')
    if (id === current) return []
    const type = photo.getChild('TYPE')?.getText() || ANY_TYPE
    const info = xml('info', { bytes: String(image.length), id, type })
    const data = xml('data', { xmlns: NS.avatarData }, image.toString('base64'))
    return [
      { node: NS.avatarData, make: OPEN, put: { id, payload: printAlone(data) } },
      this.#metadata(id, xml('metadata', { xmlns: NS.avatarMetadata }, info)),
    ]
  }

  #metadata(id: string, payload: Element): PublishedEdit {
    return { node: NS.avatarMetadata, make: OPEN, put: { id, payload: printAlone(payload) } }
  }

  /** XEP-0398 §4: presence with the hash. It has to be known. */
  stamped(presence: Stanza, owner: JID): Stanza {
    const hash = this.#hashes.get(owner.toString())
    if (hash === undefined || hash === '') return presence
    const had = presence.child('x', NS.vcardUpdate)
    const photo = had?.getChild('photo')
    // XEP-0398 §4: "an empty photo element" says that the client is not to be shown with it; what it has itself is left to it.
    if (photo !== undefined) return presence
    const own =
      had === undefined ? presence : presence.without((name, ns) => name === 'x' && ns === NS.vcardUpdate)
    return own.plus(xml('x', { xmlns: NS.vcardUpdate }, xml('photo', {}, hash)))
  }

  /** Whether the hash of an owner is known. */
  knows(owner: JID): boolean {
    return this.#hashes.has(owner.toString())
  }

  /** Reads it. */
  async learn(owner: JID): Promise<void> {
    this.#hashes.set(owner.toString(), (await this.#info(owner))?.attrs.id ?? '')
  }

  /** What is known of an owner may be so no more. */
  forget(owner: JID): void {
    this.#hashes.delete(owner.toString())
  }

  /** The same of all whose text fits. */
  drop(which: (owner: string) => boolean): void {
    for (const owner of [...this.#hashes.keys()]) if (which(owner)) this.#hashes.delete(owner)
  }

  /** What the owner says of his avatar last: the image that is here, not one elsewhere. XEP-0398 §3.1. */
  async #info(owner: JID, who?: JID): Promise<Element | undefined> {
    const last = await this.#published.last(owner, NS.avatarMetadata, who)
    if (last?.payload === undefined) return undefined
    return parseElement(last.payload)
      .getChildren('info')
      .find(({ attrs: { id, url } }) => id !== undefined && url === undefined)
  }
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
