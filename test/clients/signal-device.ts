/** A device with the Signal protocol as libsignal has it, all of it in memory: PQXDH, Double Ratchet, sender keys. */
import {
  CiphertextMessageType,
  groupDecrypt,
  groupEncrypt,
  IdentityChange,
  IdentityKeyStore,
  KEMPublicKey,
  KyberPreKeyRecord,
  KyberPreKeyStore,
  PreKeyBundle,
  PreKeyRecord,
  PreKeySignalMessage,
  PreKeyStore,
  type PrivateKey,
  ProtocolAddress,
  PublicKey,
  processPreKeyBundle,
  processSenderKeyDistributionMessage,
  SenderKeyDistributionMessage,
  type SenderKeyRecord,
  SenderKeyStore,
  type SessionRecord,
  SessionStore,
  SignalMessage,
  SignedPreKeyRecord,
  SignedPreKeyStore,
  signalDecrypt,
  signalDecryptPreKey,
  signalEncrypt,
} from '@signalapp/libsignal-client'
import type { Element } from '../../src/xml/element.ts'
import { KeyMaker } from '../support/signal-keys.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** One encrypted message to one device. */
export interface Sealed {
  /** Whether it begins a session. */
  readonly first: boolean
  readonly base64: string
}

export class SignalDevice {
  readonly user: string
  readonly keys: KeyMaker
  readonly #address: ProtocolAddress
  readonly #sessions: Sessions
  readonly #identities: Identities
  readonly #senderKeys = new SenderKeys()

  constructor(user: string, device = 1) {
    this.user = user
    this.keys = new KeyMaker(device)
    this.#address = ProtocolAddress.new(user, device)
    this.#sessions = new Sessions()
    this.#identities = new Identities(this.keys)
  }

  async knows(user: string): Promise<boolean> {
    return (await this.#sessions.getSession(ProtocolAddress.new(user, 1)))?.hasCurrentState() ?? false
  }

  /** Begins a session with what was claimed: `<device/>`. */
  async begin(user: string, claimed: Element): Promise<void> {
    const bytes = (name: string): Bytes => decoded(claimed.getChildText(name) ?? '')
    const attribute = (name: string, what: string): string => claimed.getChild(name)?.attrs[what] ?? ''
    const oneTime = claimed.getChild('one-time')
    const kyber = claimed.getChild('kyber') === undefined ? 'last-resort' : 'kyber'
    const bundle = PreKeyBundle.new(
      Number(claimed.attrs.registration),
      Number(claimed.attrs.id),
      oneTime === undefined ? null : Number(oneTime.attrs.id),
      oneTime === undefined ? null : PublicKey.deserialize(decoded(oneTime.getText())),
      Number(attribute('signed', 'id')),
      PublicKey.deserialize(bytes('signed')),
      decoded(attribute('signed', 'signature')),
      PublicKey.deserialize(bytes('identity')),
      Number(attribute(kyber, 'id')),
      KEMPublicKey.deserialize(bytes(kyber)),
      decoded(attribute(kyber, 'signature')),
    )
    const address = ProtocolAddress.new(user, Number(claimed.attrs.id))
    await processPreKeyBundle(bundle, address, this.#address, this.#sessions, this.#identities)
  }

  async seal(user: string, plain: Uint8Array): Promise<Sealed> {
    const address = ProtocolAddress.new(user, 1)
    const copy = Uint8Array.from(plain)
    const message = await signalEncrypt(copy, address, this.#address, this.#sessions, this.#identities)
    return {
      first: message.type() === CiphertextMessageType.PreKey,
      base64: Buffer.from(message.serialize()).toString('base64'),
    }
  }

  async open(user: string, { first, base64 }: Sealed): Promise<Buffer> {
    const address = ProtocolAddress.new(user, 1)
    const bytes = decoded(base64)
    const stores = [this.#sessions, this.#identities] as const
    const plain = first
      ? await signalDecryptPreKey(
          PreKeySignalMessage.deserialize(bytes),
          address,
          this.#address,
          ...stores,
          new OneTime(this.keys),
          new Signed(this.keys),
          new Kyber(this.keys),
        )
      : await signalDecrypt(SignalMessage.deserialize(bytes), address, this.#address, ...stores)
    return Buffer.from(plain)
  }

  /** The key by which others read what this device writes to a group. */
  async senderKey(group: string): Promise<Uint8Array> {
    return (await SenderKeyDistributionMessage.create(this.#address, group, this.#senderKeys)).serialize()
  }

  async takeSenderKey(user: string, bytes: Uint8Array): Promise<void> {
    const message = SenderKeyDistributionMessage.deserialize(Uint8Array.from(bytes))
    await processSenderKeyDistributionMessage(ProtocolAddress.new(user, 1), message, this.#senderKeys)
  }

  /** One text for all. */
  async sealForGroup(group: string, plain: string): Promise<string> {
    const bytes = Uint8Array.from(Buffer.from(plain))
    const message = await groupEncrypt(this.#address, group, this.#senderKeys, bytes)
    return Buffer.from(message.serialize()).toString('base64')
  }

  async openFromGroup(user: string, base64: string): Promise<string> {
    const plain = await groupDecrypt(ProtocolAddress.new(user, 1), this.#senderKeys, decoded(base64))
    return Buffer.from(plain).toString()
  }
}

function decoded(base64: string): Bytes {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

function nameOf(address: ProtocolAddress): string {
  return `${address.name()}.${address.deviceId()}`
}

class Sessions extends SessionStore {
  readonly #records = new Map<string, SessionRecord>()

  async saveSession(address: ProtocolAddress, record: SessionRecord): Promise<void> {
    this.#records.set(nameOf(address), record)
  }

  async getSession(address: ProtocolAddress): Promise<SessionRecord | null> {
    return this.#records.get(nameOf(address)) ?? null
  }

  async getExistingSessions(addresses: ProtocolAddress[]): Promise<SessionRecord[]> {
    return addresses.flatMap(address => this.#records.get(nameOf(address)) ?? [])
  }
}

class Identities extends IdentityKeyStore {
  readonly #own: KeyMaker
  readonly #known = new Map<string, PublicKey>()

  constructor(own: KeyMaker) {
    super()
    this.#own = own
  }

  async getIdentityKey(): Promise<PrivateKey> {
    return this.#own.identity.privateKey
  }

  async getLocalRegistrationId(): Promise<number> {
    return this.#own.registration
  }

  async saveIdentity(address: ProtocolAddress, key: PublicKey): Promise<IdentityChange> {
    const before = this.#known.get(nameOf(address))
    this.#known.set(nameOf(address), key)
    return before === undefined || before.equals(key)
      ? IdentityChange.NewOrUnchanged
      : IdentityChange.ReplacedExisting
  }

  async isTrustedIdentity(address: ProtocolAddress, key: PublicKey): Promise<boolean> {
    return this.#known.get(nameOf(address))?.equals(key) ?? true
  }

  async getIdentity(address: ProtocolAddress): Promise<PublicKey | null> {
    return this.#known.get(nameOf(address)) ?? null
  }
}

/** Keys that are there once: what has been used is gone. */
class OneTime extends PreKeyStore {
  readonly #keys: KeyMaker

  constructor(keys: KeyMaker) {
    super()
    this.#keys = keys
  }

  async savePreKey(): Promise<void> {}

  async getPreKey(id: number): Promise<PreKeyRecord> {
    const key = this.#keys.oneTime.get(id)
    if (key === undefined) throw new Error(`there is no one-time key ${id} any more`)
    return PreKeyRecord.new(id, key.getPublicKey(), key)
  }

  async removePreKey(id: number): Promise<void> {
    this.#keys.oneTime.delete(id)
  }
}

class Signed extends SignedPreKeyStore {
  readonly #keys: KeyMaker

  constructor(keys: KeyMaker) {
    super()
    this.#keys = keys
  }

  async saveSignedPreKey(): Promise<void> {}

  async getSignedPreKey(id: number): Promise<SignedPreKeyRecord> {
    const key = this.#keys.signed.get(id)
    if (key === undefined) throw new Error(`there is no signed key ${id}`)
    const signature = this.#keys.identity.privateKey.sign(key.getPublicKey().serialize())
    return SignedPreKeyRecord.new(id, 0, key.getPublicKey(), key, signature)
  }
}

class Kyber extends KyberPreKeyStore {
  readonly #keys: KeyMaker

  constructor(keys: KeyMaker) {
    super()
    this.#keys = keys
  }

  async saveKyberPreKey(): Promise<void> {}

  async getKyberPreKey(id: number): Promise<KyberPreKeyRecord> {
    const pair = this.#keys.kyber.get(id)
    if (pair === undefined) throw new Error(`there is no key ${id} of Kyber any more`)
    const signature = this.#keys.identity.privateKey.sign(pair.getPublicKey().serialize())
    return KyberPreKeyRecord.new(id, 0, pair, signature)
  }

  async markKyberPreKeyUsed(id: number): Promise<void> {
    if (id !== this.#keys.lastResort) this.#keys.kyber.delete(id)
  }
}

class SenderKeys extends SenderKeyStore {
  readonly #records = new Map<string, SenderKeyRecord>()

  async saveSenderKey(sender: ProtocolAddress, group: string, record: SenderKeyRecord): Promise<void> {
    this.#records.set(`${nameOf(sender)} ${group}`, record)
  }

  async getSenderKey(sender: ProtocolAddress, group: string): Promise<SenderKeyRecord | null> {
    return this.#records.get(`${nameOf(sender)} ${group}`) ?? null
  }
}
