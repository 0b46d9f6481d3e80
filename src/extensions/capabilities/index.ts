/** XEP-0115: Entity Capabilities. */
import { LRUCache } from 'lru-cache'
import { defineExtension, type Registrations } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import { type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import disco from '../disco.ts'
import { OwnCapabilities } from './own.ts'
import { type Capabilities, capabilitiesOf, isKnownHash, verificationString } from './verification.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /** It has become known what the client of a session can do, after its presence. */
    'session:capabilities': { session: Session }
  }
}

export type { Capabilities } from './verification.ts'

/** What other extensions ask: whoever sends something only to those that understand it. */
export interface SessionCapabilities {
  /** What the client of a session says that it can do; undefined while that is not known. */
  of(session: Session): Capabilities | undefined
}

/** What a client announces: XEP-0115 §4. */
interface Announcement {
  readonly node: string
  readonly ver: string
  readonly hash: string
}

/** Capabilities in memory, counted in characters of features. */
const CACHED = 2 * 1024 * 1024
/** More than that is no client that anybody knows; it is neither kept nor used. */
const MOST = 64 * 1024

const announced = new SessionFlag<string | undefined>('capabilities-announced', undefined)
const known = new SessionFlag<Capabilities | undefined>('capabilities', undefined, {
  pack: capabilities => [...(capabilities?.features ?? [])],
  unpack: features => ({ features: new Set(features as string[]) }),
})

export default defineExtension({
  name: 'capabilities',
  doc: 'Learns what clients can do, asks each kind of client only once, and announces what the server can do',
  xeps: [{ xep: 115, version: '1.6.0', status: 'complete', note: 'without caps optimization (§8.4)' }],
  features: { server: [NS.capabilities] },
  setup(host): Registrations<SessionCapabilities> {
    const learner = new Learner(host)
    const found = host.find(disco)
    const own = found && new OwnCapabilities(found, host)
    return {
      streamFeatures: () => (own === undefined ? [] : [own.announcement()]),
      on: {
        'session:presence': ({ session, presence }) => {
          if (session.available) learner.hear(session, presence.child('c', NS.capabilities))
        },
        'session:arrived': ({ session }) => learner.arrived(session),
      },
      provides: { of: session => known.get(session) },
    }
  },
})

/** Asks clients, and believes them when the hash is right: XEP-0115 §5.4. */
class Learner {
  readonly #host: Host
  readonly #verified = new LRUCache<string, Capabilities>({
    maxSize: CACHED,
    sizeCalculation: ({ features }) => lengthOf(features) + 1,
  })

  constructor(host: Host) {
    this.#host = host
  }

  hear(session: Session, c: Element | undefined): void {
    const announcement = c && announcementOf(c)
    // XEP-0115 §8.4: presence without it says nothing new.
    if (announcement === undefined) return
    const key = `${announcement.hash} ${announcement.ver}`
    if (announced.get(session) === key) return
    announced.set(session, key)
    const cached = this.#verified.get(key)
    known.set(session, cached)
    // Nobody waits for a client to answer, which it may never do.
    if (cached === undefined) void this.#ask(session, key, announcement)
  }

  /** A session has come whose client has perhaps been asked by its former home: the answer may have come there in vain. */
  arrived(session: Session): void {
    const c = session.presence?.child('c', NS.capabilities)
    const announcement = c && announcementOf(c)
    if (announcement === undefined) return
    const key = `${announcement.hash} ${announcement.ver}`
    const capabilities = known.get(session)
    if (capabilities === undefined) void this.#ask(session, key, announcement)
    else if (isKnownHash(announcement.hash)) this.#verified.set(key, capabilities)
  }

  async #ask(session: Session, key: string, announcement: Announcement): Promise<void> {
    const answer = await this.#host.request(inquiry(this.#host, session, announcement)).catch(() => undefined)
    const query = answer?.type === 'result' ? answer.child('query', NS.discoInfo) : undefined
    // It may have announced something else meanwhile.
    if (query === undefined || announced.get(session) !== key) return
    const capabilities = capabilitiesOf(query)
    if (lengthOf(capabilities.features) > MOST) return
    // XEP-0115 §5.4 rule 2: what can't be checked is true of this session alone.
    if (!isKnownHash(announcement.hash)) this.#learnt(session, capabilities)
    // Rule 3: what does not fit its hash is neither believed nor cached.
    else if (verificationString(query, announcement.hash) === announcement.ver) {
      this.#verified.set(key, capabilities)
      this.#learnt(session, capabilities)
    }
  }

  #learnt(session: Session, capabilities: Capabilities): void {
    if (session.over) return
    known.set(session, capabilities)
    const { router, hooks, background } = this.#host
    const told = router.homes.inLane(session.jid, () => hooks.emit('session:capabilities', { session }))
    background.run('capabilities', told)
  }
}

/** XEP-0115 §4, §5.4 rule 1: without a hash it is of the legacy format, of which nothing is known. */
function announcementOf({ attrs: { node, ver, hash } }: Element): Announcement | undefined {
  return node === undefined || ver === undefined || hash === undefined ? undefined : { node, ver, hash }
}

/** XEP-0115 §6.2: the request, with the node that says what it is about. */
function inquiry(host: Host, session: Session, { node, ver }: Announcement): Stanza {
  const query = xml('query', { xmlns: NS.discoInfo, node: `${node}#${ver}` })
  return Stanza.build('iq', { type: 'get', from: host.jid, to: session.jid }, query)
}

function lengthOf(features: ReadonlySet<string>): number {
  let length = 0
  for (const feature of features) length += feature.length
  return length
}
