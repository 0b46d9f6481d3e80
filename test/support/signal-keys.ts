/** Devices of tests, with real keys of libsignal, and what they say to the server. */
import { IdentityKeyPair, KEMKeyPair, PrivateKey } from '@signalapp/libsignal-client'
import { type Element, xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'

/** A device that makes keys. Private ones are kept by their numbers. */
export class KeyMaker {
  readonly device: number
  readonly registration: number
  readonly identity = IdentityKeyPair.generate()
  readonly signed = new Map<number, PrivateKey>()
  readonly oneTime = new Map<number, PrivateKey>()
  readonly kyber = new Map<number, KEMKeyPair>()
  /** Which of Kyber is that of last resort. */
  lastResort: number | undefined

  constructor(device: number, registration = 1_000 + device) {
    this.device = device
    this.registration = registration
  }

  /** An upload. */
  publish(...keys: readonly Element[]): Element {
    const { device, registration } = this
    return xml(
      'publish',
      { xmlns: NS.prekeys, device: String(device), registration: String(registration) },
      xml('identity', {}, base64(this.identity.publicKey.serialize())),
      [...keys],
    )
  }

  /** What a first upload needs. */
  first(signedId = 1, lastResortId = 1): Element[] {
    return [this.signedKey(signedId), this.kyberKey(lastResortId, 'last-resort')]
  }

  signedKey(id: number): Element {
    const key = PrivateKey.generate()
    this.signed.set(id, key)
    const bytes = key.getPublicKey().serialize()
    const signature = base64(this.identity.privateKey.sign(bytes))
    return xml('signed', { id: String(id), signature }, base64(bytes))
  }

  oneTimeKey(id: number): Element {
    const key = PrivateKey.generate()
    this.oneTime.set(id, key)
    return xml('one-time', { id: String(id) }, base64(key.getPublicKey().serialize()))
  }

  kyberKey(id: number, name: 'kyber' | 'last-resort' = 'kyber'): Element {
    const pair = KEMKeyPair.generate()
    this.kyber.set(id, pair)
    if (name === 'last-resort') this.lastResort = id
    const bytes = pair.getPublicKey().serialize()
    const signature = base64(this.identity.privateKey.sign(bytes))
    return xml(name, { id: String(id), signature }, base64(bytes))
  }

  /** One-time keys of both kinds with these numbers. */
  keys(first: number, last: number): Element[] {
    const ids = Array.from({ length: last - first + 1 }, (_, i) => first + i)
    return ids.flatMap(id => [this.oneTimeKey(id), this.kyberKey(id)])
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
