/** XEP-0359: the ids of archived stanzas, as everybody sees them. */
import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createHmac,
  type Decipheriv,
  randomBytes,
} from 'node:crypto'
import type { Append, CasTable, Storage, Write } from '../storage/types.ts'
import { growingCache } from '../xml/cache.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { Numbers } from '../xml/sequence.ts'
import type { Stanza, StanzaId } from '../xml/stanza.ts'
import { type Maybe, then } from './maybe.ts'

/** Owners whose tags are remembered. */
const TAGS = 20_000
const TAG_BYTES = 8
const BLOCK_BYTES = 16
/** Length of a block in base64url, without padding. */
const TEXT_LENGTH = 22

/** What the key gives. */
interface Ciphers {
  readonly key: Buffer
  readonly encrypt: Cipheriv
  readonly decrypt: Decipheriv
}

/**
 * Turns the numbers of archived stanzas into ids and back. XEP-0359 §6: who sees an id must not learn from it how large an archive is
 * or how fast it grows; so it is one block of AES, which holds a tag of the owner and the number. The key is made at the first start of a
 * host and never changes: an id stays what it is.
 */
export class ArchiveIds {
  readonly #host: JID
  readonly #table: CasTable<string>
  #ciphers: Ciphers | undefined
  /** Whether stanzas show their numbers in their conversation, too: docs/protocol/sequence.md. */
  numbered = false
  readonly #tags = growingCache<string, Buffer>(TAGS)
  readonly #block = Buffer.alloc(BLOCK_BYTES)

  constructor(storage: Storage, host: JID) {
    this.#host = host
    this.#table = storage.table<string>('archive-ids', 'cas')
  }

  /** Reads the key, or makes it; nothing else may be asked for before. Where that failed, the next call tries again. */
  ready(): Maybe<undefined> {
    return this.#ciphers === undefined ? this.#open() : undefined
  }

  async #open(): Promise<undefined> {
    const text = await this.#table.update(
      this.#host,
      'key',
      old => old ?? randomBytes(BLOCK_BYTES).toString('base64'),
    )
    const key = Buffer.from(text ?? '', 'base64')
    // One block, never chained: the mode without an initial vector is a plain permutation.
    const encrypt = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    const decrypt = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    this.#ciphers ??= { key, encrypt, decrypt }
    return undefined
  }

  /** The id of what an owner's archive holds under this number. */
  text(owner: JID, number: bigint): string {
    const block = this.#block
    block.set(this.#tag(owner.bare.toString()))
    block.writeBigUInt64BE(number, TAG_BYTES)
    return this.#keyed.encrypt.update(block).toString('base64url')
  }

  /** The ids of several, in one piece of work for the cipher, which costs more to ask than to have working. */
  texts(owner: JID, numbers: readonly bigint[]): string[] {
    const tag = this.#tag(owner.bare.toString())
    const blocks = Buffer.allocUnsafe(numbers.length * BLOCK_BYTES)
    for (const [index, number] of numbers.entries()) {
      const at = index * BLOCK_BYTES
      blocks.set(tag, at)
      blocks.writeBigUInt64BE(number, at + TAG_BYTES)
    }
    const ids = this.#keyed.encrypt.update(blocks)
    return numbers.map((_, index) =>
      ids.toString('base64url', index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES),
    )
  }

  /** The number behind an id of this owner's archive; undefined for what is no such id. */
  parse(owner: JID, text: string): bigint | undefined {
    if (text.length !== TEXT_LENGTH) return undefined
    const bytes = Buffer.from(text, 'base64url')
    // Several texts stand for the same bytes; an id is one of them.
    if (bytes.length !== BLOCK_BYTES || bytes.toString('base64url') !== text) return undefined
    const block = this.#keyed.decrypt.update(bytes)
    if (!this.#tag(owner.bare.toString()).equals(block.subarray(0, TAG_BYTES))) return undefined
    return block.readBigUInt64BE(TAG_BYTES)
  }

  /** The stanza as its owner sees it once it is committed: with the id that his archive gave it, if it was archived. */
  identify(stanza: Stanza, owner: JID, writes: readonly Write[]): Stanza {
    const append = writes.find((write): write is Append => isAppend(write) && write.owner.equals(owner.bare))
    return append === undefined ? stanza : stanza.with({ ids: [this.idOf(append.owner, append)] })
  }

  /** The id of what an owner's archive holds, worked out when somebody wants to see it. */
  idOf(owner: JID, archived: Archived): StanzaId {
    return new GivenId(this, owner.bare, archived, this.numbered)
  }

  /** The number that an owner's archive has given a stanza, wherever it comes from; undefined where it is not archived there. */
  numberOf(stanza: Stanza, owner: JID): Maybe<bigint | undefined> {
    const given = givenNumber(stanza, owner)
    // What comes from another node has it in its content. Nobody else can have written that: forged ones are stripped where they come in.
    if (given !== undefined || !stanza.has('stanza-id', NS.stanzaIds)) return given
    const by = owner.bare.toString()
    const child = stanza
      .children()
      .find(child => child.is('stanza-id', NS.stanzaIds) && child.attrs.by === by)
    if (child === undefined) return undefined
    return then(this.ready(), () => this.parse(owner, child.attrs.id ?? ''))
  }

  get #keyed(): Ciphers {
    if (this.#ciphers === undefined) throw new Error('the key of the archive ids has not been read')
    return this.#ciphers
  }

  #tag(owner: string): Buffer {
    const known = this.#tags.get(owner)
    if (known !== undefined) return known
    const tag = createHmac('sha256', this.#keyed.key).update(owner).digest().subarray(0, TAG_BYTES)
    this.#tags.set(owner, tag)
    return tag
  }
}

/** What is known of an archived stanza once it is committed. */
type Archived = Pick<Append, 'id' | 'sequence' | 'unread'>

/** See `ArchiveIds.idOf`. */
class GivenId implements StanzaId {
  readonly by: string
  readonly number: bigint
  readonly numbers: Numbers | undefined
  readonly #owner: JID
  readonly #ids: ArchiveIds
  #text: string | undefined

  constructor(ids: ArchiveIds, owner: JID, archived: Archived, numbered: boolean) {
    this.by = owner.toString()
    this.number = archived.id
    this.numbers = numbered ? archived : undefined
    this.#owner = owner
    this.#ids = ids
  }

  get id(): string {
    this.#text ??= this.#ids.text(this.#owner, this.number)
    return this.#text
  }
}

/** The number that an owner's archive gave a stanza at this node; undefined for what is not archived there, or comes from another node. */
export function givenNumber(stanza: Stanza, owner: JID): bigint | undefined {
  if (stanza.ids === undefined) return undefined
  const by = owner.bare.toString()
  const given = stanza.ids.find(id => id.by === by)
  return given instanceof GivenId ? given.number : undefined
}

/** Whether the commit has found that all of this is stored already (see `Unique`), and has stored nothing. */
export function isRepeated(writes: readonly Write[]): boolean {
  for (const write of writes) if (isAppend(write)) return write.repeated
  return false
}

function isAppend(write: Write): write is Append {
  return 'repeated' in write
}
