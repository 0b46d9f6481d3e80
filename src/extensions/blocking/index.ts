/** XEP-0191: Blocking Command. */
import { StanzaError } from '../../core/errors.ts'
import {
  defineExtension,
  get,
  type Registrations,
  type StageContext,
  set,
  stage,
} from '../../core/extension.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Kind } from '../../core/stage.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { type Accompaniment, Command } from './command.ts'
import { BlockLists, blocks, covers } from './list.ts'

export { covers } from './list.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /**
     * A user begins to block these addresses; it is stored, but does not hold yet. Whoever has told them of the user's presence
     * tells them that it has ended (XEP-0191 §3.3).
     */
    'contacts:blocking': { owner: JID; jids: readonly string[] }
    /** These addresses are blocked no more. Whoever tells contacts of the user's presence tells them now (XEP-0191 §3.4). */
    'contacts:unblocked': { owner: JID; jids: readonly string[] }
  }
}

/** What other extensions ask: whoever sends something in a user's name past the stages, such as presence to contacts. */
export interface Blocking {
  /** Whether an account of this host, whose home is this node, blocks an address. */
  blocks(owner: JID, peer: JID): Maybe<boolean>
  /** Those of many whom such an account does not block: the same array where it blocks nobody. */
  others(owner: JID, peers: readonly JID[]): Maybe<readonly JID[]>
  /** Has what users say with an address that they block taken. At set-up. */
  accompany(namespace: string, name: string, taker: Accompaniment): void
}

const KINDS: readonly Kind[] = ['message', 'presence', 'iq']

export default defineExtension({
  name: 'blocking',
  doc: 'Lets users block others: nothing comes from them and nothing goes to them',
  xeps: [{ xep: 191, version: '1.3', status: 'complete' }],
  features: { server: [NS.blocking], account: [NS.blocking] },
  options: {
    'jids-per-user': option.integer({
      doc: 'Most addresses that one user may block',
      default: 1_000,
      min: 1,
      max: 100_000,
    }),
  },
  setup(host, options): Registrations<Blocking> {
    const lists = new BlockLists(host)
    const command = new Command(host, lists, options['jids-per-user'])
    return {
      iq: [
        get(NS.blocking, 'blocklist', 'account', iq => command.list(iq)),
        set(NS.blocking, 'block', 'account', iq => command.block(iq)),
        set(NS.blocking, 'unblock', 'account', iq => command.unblock(iq)),
      ],
      stages: KINDS.flatMap(kind => [
        stage('guard', { kind, side: 'sender' }, (stanza, at) =>
          lists.isEmpty(at.owner) ? undefined : outbound(lists, stanza, at),
        ),
        stage('guard', { kind, side: 'recipient', errors: true }, (stanza, at) =>
          lists.isEmpty(at.owner) ? undefined : inbound(lists, stanza, at),
        ),
      ]),
      on: {
        // Whoever comes is about to send presence, for which the list is needed: it is read while the client is answered.
        'session:bound': ({ session }) => void lists.of(session.jid.bare),
        'session:arrived': ({ session }) => void lists.of(session.jid.bare),
        'user:removed': ({ owner }) => lists.forget(owner),
      },
      moving: { forget: which => lists.drop(which) },
      provides: {
        accompany: (...what) => command.accompany(...what),
        blocks: (owner, peer) => blocks(lists.of(owner), owner, peer),
        others: (owner, peers) =>
          then(lists.of(owner), list =>
            list.size === 0 ? peers : peers.filter(peer => !covers(list, owner, peer)),
          ),
      },
    }
  },
})

/** XEP-0191 §3.3: what users send to somebody they block is refused. */
function outbound(lists: BlockLists, { to }: Stanza, { owner }: StageContext): Maybe<undefined> {
  if (to === undefined) return
  return then(blocks(lists.of(owner), owner, to), blocked => {
    if (blocked)
      throw new StanzaError('not-acceptable', {
        type: 'cancel',
        application: xml('blocked', { xmlns: NS.blockingErrors }),
      })
    return undefined
  })
}

/** XEP-0191 §3.3: the user appears offline to whoever is blocked. */
function inbound(
  lists: BlockLists,
  stanza: Stanza,
  { owner, sender }: StageContext,
): Maybe<'drop' | undefined> {
  // What tells the user that his own stanza was refused, by this very list perhaps.
  if (stanza.type === 'error' && sender === undefined) return
  return then(blocks(lists.of(owner), owner, stanza.from), blocked => {
    if (!blocked) return undefined
    const answered = stanza.kind === 'message' || stanza.type === 'get' || stanza.type === 'set'
    // XEP-0191 §3.3: no answer to presence, and answers to requests vanish; RFC 6120 §8.3.1: no error answers an error.
    if (stanza.kind === 'presence' || stanza.type === 'error' || !answered) return 'drop'
    throw new StanzaError('service-unavailable')
  })
}
