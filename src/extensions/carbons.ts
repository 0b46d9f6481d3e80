/** XEP-0280: Message Carbons. */
import { StanzaError } from '../core/errors.ts'
import { defineExtension, SIDES, type StageContext, set, stage } from '../core/extension.ts'
import type { Host } from '../core/host.ts'
import { givenNumber } from '../core/ids.ts'
import { type Session, SessionFlag } from '../core/session.ts'
import type { Side } from '../core/stage.ts'
import { growingCache } from '../xml/cache.ts'
import { forwarded } from '../xml/forwarded.ts'
import { NS } from '../xml/ns.ts'
import { Stanza } from '../xml/stanza.ts'
import hints from './hints.ts'

/** Whether a session wants copies. */
const enabled = new SessionFlag('carbons', false)

const WRAPPERS = ['sent', 'received'] as const
/** Copied messages that are remembered, of all users together: an error that answers one of them is copied, too. */
const REMEMBERED = 10_000

export default defineExtension({
  name: 'carbons',
  doc: 'Copies the messages of one session to the others of the same user that ask for it',
  xeps: [
    { xep: 280, version: '1.0.1', status: 'complete' },
    { xep: 297, version: '1.0', status: 'complete', note: 'as the wrapper of other protocols' },
  ],
  features: { server: [NS.carbons, NS.carbonRules] },
  requires: [hints],
  setup(host) {
    const carbons = new Carbons(host)
    const copyable = host.use(hints).copyable
    return {
      iq: [
        set(NS.carbons, 'enable', 'account', iq => switchTo(true, iq.session), { access: 'any' }),
        set(NS.carbons, 'disable', 'account', iq => switchTo(false, iq.session), { access: 'any' }),
      ],
      // XEP-0386 §3.2: "As this operation MUST succeed, no response is necessary."
      binding: [{ asked: ['enable', NS.carbons], handler: session => switchTo(true, session) }],
      stages: SIDES.flatMap(side => [
        // ARCHITECTURE §6: only the own server makes carbons. XEP-0280 §12: a forged one impersonates whomever it likes.
        ...WRAPPERS.map(name =>
          stage('stamp', { kind: 'message', side, child: [name, NS.carbons] }, message =>
            message.without((child, ns) => ns === NS.carbons && child === name),
          ),
        ),
        stage('copy', { kind: 'message', side }, (message, at, holders) => {
          const others = carbons.wanting(at, message, holders)
          if (others !== undefined && copyable(message)) carbons.copy(message, at, others)
        }),
      ]),
    }
  },
})

/** XEP-0280 §10.1: as often as a client likes; asking for what is so already is no error. */
function switchTo(value: boolean, session: Session | undefined): undefined {
  // XEP-0280 §4.1, §5.1
  if (session === undefined) throw new StanzaError('not-allowed')
  enabled.set(session, value)
}

/** Who gets copies of what. */
class Carbons {
  readonly #host: Host
  readonly #copied = growingCache<string, true>(REMEMBERED)

  constructor(host: Host) {
    this.#host = host
  }

  /** The sessions that are to have a copy, if there are any: XEP-0280 §7, §8. */
  wanting(
    { owner, side }: StageContext,
    message: Stanza,
    holders: readonly Session[],
  ): Session[] | undefined {
    let found: Session[] | undefined
    for (const session of this.#host.sessions(owner)) {
      if (!enabled.get(session) || holders.includes(session)) continue
      // What users write to themselves is copied once, on the way in, and never back to the session it comes from.
      if (isOwn(message, owner) && (side === 'sender' || session.jid.equals(message.from))) continue
      found = [...(found ?? []), session]
    }
    return found
  }

  copy(message: Stanza, { owner, side }: StageContext, to: readonly Session[]): void {
    if (!this.#eligible(message, owner, side)) return
    const wrapper = wrap(message, owner, side === 'sender' ? 'sent' : 'received')
    const archived = givenNumber(message, owner)
    for (const session of to) session.send(wrapper.with({ to: session.jid }), undefined, archived)
  }

  #eligible(message: Stanza, owner: Stanza['from'], side: Side): boolean {
    const peer = (side === 'sender' ? message.to : message.from) ?? owner
    const key = `${owner} ${peer} ${message.id}`
    // XEP-0280 §6.1: an error where it answers a message that was copied. That is known by its addresses and id, since an error
    // need not repeat what it answers (RFC 6120 §8.3.1).
    if (message.type === 'error') return message.id !== undefined && this.#copied.has(key)
    if (!isInstantMessage(message, side)) return false
    if (message.id !== undefined) this.#copied.set(key, true)
    return true
  }
}

/** XEP-0280 §6.1: what may be copied; errors aside. */
function isInstantMessage(message: Stanza, side: Side): boolean {
  // XEP-0280 §9
  if (message.has('private', NS.carbons)) return false
  if (message.type === 'groupchat') return false
  // A room has told all of its occupant's sessions already. An invitation, which comes from the room itself, is another matter.
  if (message.has('x', NS.roomUser)) return side === 'sender' || message.from.isBare
  if (message.type === 'chat' || message.has('x', NS.conference)) return true
  if (message.type !== 'headline' && message.has('body', NS.client)) return true
  return message.hasIn(NS.receipts) || message.hasIn(NS.chatStates) || message.hasIn(NS.chatMarkers)
}

/** XEP-0280 §7, §8, XEP-0297 §3: from the user's bare JID, of the same type. */
function wrap(message: Stanza, owner: Stanza['from'], name: (typeof WRAPPERS)[number]): Stanza {
  const wrapper = Stanza.build('message', { from: owner, type: message.type })
  return wrapper.plus(forwarded(message, name, NS.carbons))
}

function isOwn(message: Stanza, owner: Stanza['from']): boolean {
  return message.from.bare.equals(owner) && (message.to === undefined || message.to.bare.equals(owner))
}
