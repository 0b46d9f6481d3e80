/**
 * What two nodes say before any frame: each proves to the other that it knows the secret of the cluster, and tells who it is.
 *
 *   caller: version, its name, a nonce        callee: its name, a nonce
 *   caller: its address, its proof            callee: its proof, and the number of the last frame that it has taken
 *
 * A proof is an HMAC-SHA-256 under the secret over its side, both names, both nonces and what is told along with it. The callee shows its own
 * only to who has shown his: a stranger gets nothing to guess at.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { FrameValue } from '../types.ts'
import { MalformedError, sizeOf, writeFields } from './fields.ts'
import { KIND, packFields } from './packets.ts'

/** Of what nodes say to each other, frames included: nodes of different ones do not. */
export const VERSION = 2
const NONCE_BYTES = 32
/** Longer names and addresses are nobody's. */
const MOST_TEXT = 255

/** Most bytes of a packet before the other side is known. */
export const MOST_GREETING_BYTES = 2048

/** Who speaks: the name and the link address of this node, and the secret that all nodes of the cluster share. */
export interface Identity {
  readonly node: string
  readonly address: string
  readonly secret: string
}

/** Why a link does not come about. `secret`: not the same one. `version`: of the program. `other-node`: not who was called. `gone`: it has given the caller up. */
export type RefusalReason = 'secret' | 'version' | 'other-node' | 'gone'

/** The other side is not let in, or does not let this one in. */
export class RefusedError extends Error {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`refused: ${reason}`)
    this.name = 'RefusedError'
    this.reason = reason
  }
}

type Fields = Readonly<Record<string, FrameValue>>

/** The side that called. */
export class Caller {
  readonly #own: Identity
  readonly #peer: string
  readonly #nonce = randomBytes(NONCE_BYTES)
  #theirs: Buffer | undefined

  constructor(own: Identity, peer: string) {
    this.#own = own
    this.#peer = peer
  }

  /** What it says first. */
  hello(): Buffer {
    return packFields(KIND.greeting, { version: VERSION, node: this.#own.node, nonce: this.#nonce })
  }

  /**
   * Takes what the callee says: gives what to answer, or in the end the number of the last frame that the callee has taken. Throws a
   * RefusedError or a MalformedError.
   */
  take(fields: Fields): Buffer | number {
    const { address, secret } = this.#own
    if (fields.refused !== undefined) throw new RefusedError(reasonOf(fields.refused))
    if (this.#theirs === undefined) {
      if (textOf(fields.node) !== this.#peer) throw new RefusedError('other-node')
      this.#theirs = nonceOf(fields.nonce)
      const proof = proofOf(secret, { ...this.#common(this.#theirs), side: 'caller', address })
      return packFields(KIND.greeting, { address, proof })
    }
    const { proof, taken = -1, gone } = fields
    const told = { ...this.#common(this.#theirs), side: 'callee', taken, gone }
    if (!isSame(proof, proofOf(secret, told))) throw new RefusedError('secret')
    if (gone === true) throw new RefusedError('gone')
    if (typeof taken !== 'number' || !Number.isSafeInteger(taken) || taken < 0)
      throw new MalformedError('a welcome has no number')
    return taken
  }

  #common(theirs: Buffer): Fields {
    return { caller: this.#own.node, callee: this.#peer, callerNonce: this.#nonce, calleeNonce: theirs }
  }
}

/** The side that was called. */
export class Callee {
  readonly #own: Identity
  readonly #nonce = randomBytes(NONCE_BYTES)
  #caller: { readonly node: string; readonly nonce: Buffer } | undefined
  #address = ''

  constructor(own: Identity) {
    this.#own = own
  }

  /** Takes what the caller says: gives what to answer, or undefined once the caller is known. Throws a RefusedError or a MalformedError. */
  take(fields: Fields): Buffer | undefined {
    if (this.#caller === undefined) {
      if (fields.version !== VERSION) throw new RefusedError('version')
      this.#caller = { node: textOf(fields.node), nonce: nonceOf(fields.nonce) }
      return packFields(KIND.greeting, { node: this.#own.node, nonce: this.#nonce })
    }
    const address = textOf(fields.address)
    const expected = proofOf(this.#own.secret, { ...this.#common(this.#caller), side: 'caller', address })
    if (!isSame(fields.proof, expected)) throw new RefusedError('secret')
    this.#address = address
    return undefined
  }

  /** Who called, once it is known, and where it can be called. */
  get caller(): { readonly node: string; readonly address: string } {
    return { node: this.#caller!.node, address: this.#address }
  }

  /** Lets the caller in, whose last frame that has been taken has this number; or tells it that this node has given it up. */
  welcome(taken: number | 'gone'): Buffer {
    const told = taken === 'gone' ? { taken: 0, gone: true } : { taken, gone: undefined }
    const proof = proofOf(this.#own.secret, { ...this.#common(this.#caller!), side: 'callee', ...told })
    return packFields(KIND.greeting, { ...told, proof })
  }

  #common({ node, nonce }: { readonly node: string; readonly nonce: Buffer }): Fields {
    return { caller: node, callee: this.#own.node, callerNonce: nonce, calleeNonce: this.#nonce }
  }
}

/** What is said to who is not let in. It proves nothing, and is only for the log of the other side. */
export function refusal(reason: RefusalReason): Buffer {
  return packFields(KIND.greeting, { refused: reason })
}

function proofOf(secret: string, told: Fields): Buffer {
  // Fields carry their lengths: no two different ones have the same bytes.
  const bytes = Buffer.alloc(sizeOf(told))
  writeFields(told, bytes, 0)
  return createHmac('sha256', secret).update(bytes).digest()
}

function isSame(proof: FrameValue, expected: Buffer): boolean {
  return Buffer.isBuffer(proof) && proof.length === expected.length && timingSafeEqual(proof, expected)
}

function textOf(value: FrameValue): string {
  if (typeof value !== 'string' || value === '' || value.length > MOST_TEXT)
    throw new MalformedError('a greeting lacks a text')
  return value
}

function nonceOf(value: FrameValue): Buffer {
  if (!Buffer.isBuffer(value) || value.length !== NONCE_BYTES)
    throw new MalformedError('a greeting lacks a nonce')
  return value
}

function reasonOf(value: FrameValue): RefusalReason {
  // An unproven `gone` would let a stranger end the cluster's trust in itself.
  return value === 'version' || value === 'other-node' ? value : 'secret'
}
