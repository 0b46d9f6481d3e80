/** XEP-0198 §4: what becomes of stanzas that a client has not acknowledged when its session ends. */
import { delay } from '../xml/delay.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import { Stanza } from '../xml/stanza.ts'
import { deliver, reachable, undeliverable } from './delivery.ts'
import { StanzaError } from './errors.ts'
import type { Owner } from './homes.ts'
import type { Host } from './host.ts'
import { type Maybe, then } from './maybe.ts'
import type { Session } from './session.ts'

/** A stanza that was sent to a client that has not said that it has it. */
export interface Unacknowledged {
  readonly stanza: Stanza
  /** When it was sent first, ms since 1970. */
  readonly at: number
  /** `Owner.messages` when it was delivered; 0 for what went to this session alone, or KEPT. */
  readonly number: number
}

/** The number of a message that whoever sent it keeps until it is acknowledged (`SessionPort.drained()`). */
export const KEPT = -1

/** XEP-0198 §5: how far a session has come that goes on over a connection of another node. */
export interface HandedOver {
  /** How many stanzas of its client have been handled. */
  readonly handled: number
  /** How many were sent to it, and the last of these. */
  readonly sent: number
  readonly unacknowledged: readonly Unacknowledged[]
}

/**
 * Treats such a stanza as if its resource had not been there when it came. Runs in the owner's lane, after the session `gone` was removed.
 * Throws the StanzaError that answers the sender.
 */
export function deliverAgain(sent: Unacknowledged, gone: JID, owner: Owner, host: Host): Maybe<void> {
  const { stanza, at, number } = sent
  if (stanza.kind === 'presence' || number === KEPT) return
  if (stanza.kind === 'iq') {
    if (stanza.type === 'get' || stanza.type === 'set') throw new StanzaError('service-unavailable')
    return
  }
  // What the account sends to its own resources (copies, notifications) is for those that are there.
  if (stanza.from.equals(owner.jid)) return
  if (owner.forgotten) return undeliverable(stanza)
  // What was for all resources has reached the others that were there.
  const hadIt = (session: Session): boolean => session.reachableSince < number
  if (!stanza.to?.equals(gone) && reachable(owner).some(hadIt)) return
  // XEP-0203 §2: with the time when it came, unless it says so already.
  const late = stanza.has('delay', NS.delay) ? stanza : stanza.plus(delay(host.jid, at))
  return then(host.ids.numberOf(stanza, owner.jid), archived => {
    // ARCHITECTURE §7: what is archived is neither moved nor copied: it is there for all resources.
    if (archived !== undefined)
      return host.hooks.emit('notify', { owner: owner.jid, message: late, number: archived })
    return deliver(late, owner, host.hooks, { owner: owner.jid, side: 'recipient' })
  })
}

/** Before each packed stanza: time and number (float 64) and its length (uint 32). */
const HEADER = 20

/** Writes them for another node. */
export function packAll(all: readonly Unacknowledged[]): Buffer {
  const parts: Buffer[] = []
  for (const { stanza, at, number } of all) {
    const bytes = stanza.pack()
    const header = Buffer.allocUnsafe(HEADER)
    header.writeDoubleBE(at)
    header.writeDoubleBE(number, 8)
    header.writeUInt32BE(bytes.length, 16)
    parts.push(header, bytes)
  }
  return Buffer.concat(parts)
}

/** Reads what `packAll` wrote. */
export function unpackAll(bytes: Buffer): Unacknowledged[] {
  const all: Unacknowledged[] = []
  for (let i = 0; i < bytes.length; ) {
    const start = i + HEADER
    const end = start + bytes.readUInt32BE(i + 16)
    const stanza = Stanza.unpack(bytes.subarray(start, end))
    all.push({ stanza, at: bytes.readDoubleBE(i), number: bytes.readDoubleBE(i + 8) })
    i = end
  }
  return all
}
