import type { LaterKey } from './check.ts'
import type { AllValues } from './extension-fields.ts'
import type { Follower } from './followers.ts'
import type { Checked } from './schema.ts'

/** A certificate chain and its key: absolute paths. */
export interface CertificatePair {
  readonly certificate: string
  readonly key: string
}

/** What is configured of one host. */
export interface HostConfig {
  readonly name: string
  readonly tls: CertificatePair | undefined
  /** What holds at this host: `extensions`, changed by what it says itself. */
  readonly extensions: AllValues
}

/** A checked configuration. Paths are absolute, addresses are decided. */
export interface Config extends Omit<Checked, 'hosts' | 'tls' | 'data' | 'listeners'> {
  /** Where it came from, for messages. */
  readonly file: string
  /** The folder of everything that is kept. */
  readonly data: string
  readonly hosts: readonly HostConfig[]
  readonly tls: CertificatePair | undefined
  readonly listeners: Listeners
  /** Keys in use whose feature comes later; each is worth a warning. */
  readonly later: readonly LaterKey[]
  /** Extensions that are off since others are; each is worth a line. */
  readonly followers: readonly Follower[]
  /** Values that came from the environment, by key path, as they were written: `${NAME}`. */
  readonly written: ReadonlyMap<string, string>
}

/** The listeners by name; false for one that is switched off. */
export type Listeners = {
  readonly [K in keyof Checked['listeners']]: Decided<Checked['listeners'][K]>
}

/** What depends on other keys is decided. */
type Decided<L> = L extends object ? { readonly [K in keyof L]: Exclude<L[K], undefined> } : L
