import type { Storage, Write } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import type { TopElement } from '../xml/top-element.ts'
import type { Clock } from './clock.ts'

/** What moving data needs. No host runs: the storage is all there is. */
export interface PortablePlace {
  readonly storage: Storage
  readonly clock: Pick<Clock, 'now'>
}

/** What an extension keeps of a user in the form of XEP-0227, for `tidings export` and `tidings import`. Works on a storage alone. */
export interface Portable {
  /** The elements that it writes and takes: name and namespace. */
  readonly elements: readonly (readonly [name: string, ns: string])[]
  /** They are children of this child of `<user/>`, in the namespace of XEP-0227; absent: of `<user/>` itself. */
  readonly within?: string
  /** What a user has, as XML that declares its namespaces, piece by piece; a piece need not be a whole element. */
  write(place: PortablePlace, owner: JID): AsyncIterable<string>
  /** What stores an element for a user who has no account yet. Elements come one by one, each when the one before is stored. Throws where it makes no sense. */
  take(place: PortablePlace, owner: JID, element: TopElement): Promise<readonly Write[]>
}
