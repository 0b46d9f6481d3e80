/** Messages that are erased once all devices have them: docs/decisions/0016. */
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import type { Unacknowledged } from '../../core/unacknowledged.ts'
import type { Archive } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { type Device, Devices, type PackedDevice } from './devices.ts'
import { Erasure } from './erasure.ts'
import { numberIn } from './numbers.ts'

/** What a client of an account has. As JSON. */
export interface Had {
  readonly device: string
  /** Archived messages, as text; none when it says no more than that it acknowledges. */
  readonly numbers: readonly string[]
}

/** Learns which devices there are and what they have, from acknowledgements (XEP-0198) and from what they ask their archives (XEP-0313). */
export class UntilDelivered {
  readonly #host: Host
  readonly #devices: Devices
  readonly #erasure: Erasure

  /** `patience`: how long a device that does not return is waited for, in ms. */
  constructor(host: Host, archive: Archive, patience: number) {
    this.#host = host
    this.#devices = new Devices(host, archive)
    this.#erasure = new Erasure(host, archive, this.#devices, patience)
  }

  /** A client has acknowledged this, or, if it is nothing, will acknowledge what it gets. At the node of its connection. */
  async acknowledged({ bare: owner, resource: device }: JID, sent: readonly Unacknowledged[]): Promise<void> {
    const numbers: string[] = []
    for (const { stanza } of sent) {
      const number = stanza.kind === 'message' ? await numberIn(stanza, owner, this.#host.ids) : undefined
      if (number !== undefined) numbers.push(String(number))
    }
    if (sent.length === 0 || numbers.length > 0)
      await this.#host.router.atHome.run('archive:had', owner, { device, numbers })
  }

  /** The same at the home, in the owner's lane. */
  async had(owner: JID, { device: name, numbers }: Had): Promise<void> {
    const device = await this.#devices.meet(owner, name, false)
    this.#devices.prove(device, numbers.map(BigInt))
    if (numbers.length > 0) this.#erasure.touch(owner)
  }

  /** A client asks its archive. */
  asks({ jid }: Session): Maybe<Device> {
    return this.#host.router.homes.inLane(jid, () => this.#devices.meet(jid.bare, jid.resource, true))
  }

  /** A client goes on behind this message, in all of its archive. */
  goesOn(owner: JID, device: Device, behind: bigint): void {
    this.#devices.claim(device, behind)
    this.#erasure.touch(owner)
  }

  /** After which message a session is to be handed what it has not got, where its account has come to `account`. */
  start({ jid: { bare: owner, resource } }: Session, account: bigint): Maybe<bigint> {
    return then(this.#devices.of(owner), all => {
      const device = all.get(resource)
      if (device === undefined || device.asks || device.has >= account) return account
      const advanced = this.#devices.advance(owner, resource, device)
      return advanced.then(() => (device.has < account ? device.has : account))
    })
  }

  /** A message of the owner's own is stored. */
  wrote(owner: JID): void {
    this.#erasure.touch(owner)
  }

  /** A session has ended. In the owner's lane. */
  left({ jid: { bare: owner, resource } }: Session): Maybe<void> {
    this.#erasure.touch(owner)
    return this.#devices.left(owner, resource)
  }

  /** Accounts of which something may be to erase. */
  get news(): Iterable<string> {
    return this.#erasure.news
  }

  /** What is known of the devices of an account, for its next home. */
  pack(owner: JID): readonly PackedDevice[] | undefined {
    return this.#devices.pack(owner)
  }

  /** The same, from its former home: there may be something to erase. */
  unpack(owner: JID, packed: readonly PackedDevice[]): void {
    this.#devices.unpack(owner, packed)
    this.#erasure.touch(owner)
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#devices.drop(which)
    this.#erasure.drop(which)
  }

  /** An account is no more. */
  forget(owner: JID): void {
    this.#devices.forget(owner)
  }

  stop(): void {
    this.#erasure.stop()
  }
}

/** Whether a device may go on from the place of a message that is there no more: it has had all that was there from then on. */
export function isPlaceOf({ from, has }: Device, number: bigint): boolean {
  return from !== undefined && from <= number && number <= has
}
