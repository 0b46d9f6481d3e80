/** What is kept of the keys of devices: all of it public. */

/** A public key, in Base64, under the number that its device has given it. */
export interface NumberedKey {
  readonly id: number
  readonly key: string
}

/** One that the identity key has signed; the signature in Base64, too. */
export interface SignedKey extends NumberedKey {
  readonly signature: string
}

/** Something for each kind of key that is given once. */
export interface PerKind<T> {
  /** Keys of Curve25519. */
  readonly oneTime: T
  /** Keys of Kyber, against quantum computers. */
  readonly kyber: T
}

/** What a device has uploaded, checked. */
export interface Upload {
  readonly device: number
  /** Of the Signal protocol: another one when a device is set up anew. */
  readonly registration: number | undefined
  readonly identity: string
  readonly signed: SignedKey | undefined
  /** Of Kyber: given where no other one is left, again and again. */
  readonly lastResort: SignedKey | undefined
  readonly oneTime: readonly NumberedKey[]
  readonly kyber: readonly SignedKey[]
}

/** What came of an upload. */
export interface Stock {
  readonly left: PerKind<number>
  /** The greatest numbers so far: what comes later has greater ones. */
  readonly greatest: PerKind<number>
  /** Keys that were not taken: their numbers are too small, or there is no room. */
  readonly aside: number
}

/** What somebody gets of one device. */
export interface Bundle {
  readonly device: number
  readonly registration: number
  readonly identity: string
  readonly signed: SignedKey
  /** Undefined: none is left. */
  readonly oneTime: NumberedKey | undefined
  readonly kyber: SignedKey & { readonly lastResort: boolean }
}

/** A device as its owner sees it. */
export interface DeviceLine {
  readonly device: number
  /** What it has here; undefined for one that only stands in a list of OMEMO. */
  readonly keys?: {
    readonly left: PerKind<number>
    /** Milliseconds since 1970. */
    readonly added: number
    readonly changed: number
  }
  /** Whether it stands in a list of devices of OMEMO. */
  readonly omemo: boolean
}

/** A claim, as it is told to the owner. */
export interface ClaimEntry {
  /** Milliseconds since 1970. */
  readonly time: number
  /** A bare JID. */
  readonly by: string
  readonly given: readonly {
    readonly device: number
    /** The number of the key; undefined where none was left. */
    readonly oneTime?: number
    readonly kyber: number
    readonly lastResort?: boolean
  }[]
}
