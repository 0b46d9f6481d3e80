/** What is known of an owner at its home, as JSON for the next one: docs/decisions/0022. */
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { Carried, inLanes, NOTHING_UNDER_WAY, type PackedCarried } from '../carried.ts'
import { Owner } from '../homes.ts'
import type { Host } from '../host.ts'
import { isPromise } from '../maybe.ts'
import { packedFlags, Session, type SessionPort } from '../session.ts'

/** What others are to know of a session, should its home die. */
export interface SharedSession {
  readonly jid: string
  readonly device?: string
  /** Ms since 1970. */
  readonly since: number
  readonly presence?: string
  readonly priority: number
  readonly reachableSince: number
  /** See `Session.before`. */
  readonly before?: string
  readonly flags: Readonly<Record<string, unknown>>
}

/** A session on its way to its next home. */
interface PackedSession extends SharedSession {
  readonly node: string
  readonly number: number
  readonly lost: boolean
  /** It was being handed older messages. */
  readonly catchingUp: boolean
  readonly handed?: readonly [after: string, upTo: string]
  /** Places in `PackedOwner.carried`. */
  readonly carried: number
  /** Without a count: all. */
  readonly earlier?: readonly (readonly [place: number, count: number | null])[]
  /** What its account had sent before the last start has not been read yet. */
  readonly lastLife: boolean
}

/** An owner on its way to its next home. */
export interface PackedOwner {
  readonly jid: string
  readonly messages: number
  readonly forgotten: boolean
  readonly sessions: readonly PackedSession[]
  readonly carried: readonly PackedCarried[]
  /** Places of those whose sessions have ended. */
  readonly broken: readonly number[]
  /** What the extensions know, by their names. */
  readonly extensions: Readonly<Record<string, unknown>>
}

/** What is known of a session that changes seldom. */
export function shared(session: Session): SharedSession {
  const { jid, device, carried, presence, priority, reachableSince } = session
  const before = known(session)
  return {
    jid: jid.toString(),
    ...(device !== undefined && { device }),
    since: carried.since,
    ...(presence && { presence: presence.pack().toString() }),
    priority,
    reachableSince,
    ...(before !== undefined && { before: before.toString() }),
    flags: packedFlags(session),
  }
}

/** Up to where a session has got all archived messages, whatever is on its way to it: it was handed older ones from there on. */
function known({ before, handed }: Session): bigint | undefined {
  if (before === undefined || handed === undefined) return before ?? handed?.after
  return before < handed.after ? handed.after : before
}

function isComplete(carried: Carried): boolean {
  const complete = carried.complete()
  if (!isPromise(complete)) return true
  // Nobody here waits for it: that it failed is for whoever asks next.
  complete.catch(() => undefined)
  return false
}

/** Packs an owner whom nothing is under way for. */
export function packOwner(owner: Owner, host: Host): PackedOwner {
  const now = host.clock.monotonic()
  const places = new Map<Carried, number>()
  const all: PackedCarried[] = []
  const placeOf = (carried: Carried): number => {
    const known = places.get(carried)
    if (known !== undefined) return known
    places.set(carried, all.length)
    return all.push(carried.pack(now)) - 1
  }
  const broken = host.resends.take(owner.jid).map(placeOf)
  const sessions = owner.sessions.map((session): PackedSession => {
    const earlier = session.earlier?.filter(({ carried }) => isComplete(carried))
    const { handed } = session
    session.before = newest(session, owner)
    return {
      ...shared(session),
      node: session.node,
      number: session.number,
      lost: session.lost,
      catchingUp: session.catchingUp,
      ...(handed && { handed: [String(handed.after), String(handed.upTo)] as const }),
      carried: placeOf(session.carried),
      lastLife: earlier !== undefined && earlier.length < (session.earlier?.length ?? 0),
      ...(earlier && {
        earlier: earlier.map(
          ({ carried, count }) => [placeOf(carried), Number.isFinite(count) ? count : null] as const,
        ),
      }),
    }
  })
  const { jid, messages, forgotten } = owner
  const extensions = host.hooks.packed(jid)
  return { jid: jid.toString(), messages, forgotten, sessions, carried: all, broken, extensions }
}

/** The newest archived message that a session has got, where nothing is under way for its owner: it has got all that came before. */
function newest({ catchingUp, handed, before }: Session, { delivered }: Owner): bigint | undefined {
  const upTo = handed?.upTo ?? before
  if (catchingUp) return upTo
  return upTo === undefined || upTo < delivered ? delivered || upTo : upTo
}

/** A session that is put together again, and whether it has to be handed older messages. */
export interface Unpacked {
  readonly session: Session
  readonly catchingUp: boolean
}

/** How a connection is found. */
type PortOf = (node: string, number: number, owner: JID) => SessionPort

/** Puts an owner together again, of what its former home has packed. */
export function unpackOwner(
  packed: PackedOwner,
  host: Host,
  portOf: PortOf,
): { readonly owner: Owner; readonly arrived: readonly Unpacked[] } {
  const now = host.clock.monotonic()
  const owner = new Owner(JID.parse(packed.jid))
  owner.messages = packed.messages
  owner.forgotten = packed.forgotten
  const carried: Carried[] = packed.carried.map(one => Carried.unpack(one, NOTHING_UNDER_WAY, now))
  const arrived = packed.sessions.map(one => {
    const { node, number } = one
    const session = unpackShared(one, node, number, portOf(node, number, owner.jid))
    session.lost = one.lost
    const { handed } = one
    if (handed !== undefined) session.handed = { after: BigInt(handed[0]), upTo: BigInt(handed[1]) }
    // It goes on, so it has to see what is under way.
    const own = packed.carried[one.carried] as PackedCarried
    session.carried = Carried.unpack(own, inLanes(session.preparing, session.settling), now)
    carried[one.carried] = session.carried
    owner.sessions.push(session)
    return { session, catchingUp: one.catchingUp }
  })
  packed.sessions.forEach(({ earlier = [], lastLife }, i) => {
    const session = owner.sessions[i] as Session
    const known = earlier.map(([place, count]) => ({
      carried: carried[place] as Carried,
      count: count ?? Number.POSITIVE_INFINITY,
    }))
    session.earlier = [...known, ...(lastLife ? host.resends.ofLastLife(owner.jid) : [])]
  })
  host.resends.put(
    owner.jid,
    packed.broken.map(place => carried[place] as Carried),
  )
  return { owner, arrived }
}

/** A session of what its connection remembers. */
export function unpackShared(
  packed: SharedSession,
  node: string,
  number: number,
  port: SessionPort,
): Session {
  const session = new Session(JID.parse(packed.jid), node, port, packed.since, packed.device)
  session.number = number
  if (packed.presence !== undefined) session.presence = Stanza.unpack(Buffer.from(packed.presence)).compact()
  session.priority = packed.priority
  session.reachableSince = packed.reachableSince
  if (packed.before !== undefined) session.before = BigInt(packed.before)
  session.packedFlags = { ...packed.flags }
  return session
}
