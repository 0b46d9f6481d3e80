/** XEP-0160: Best Practices for Handling Offline Messages. */
import { isOnlyChatState } from '../../core/chat-states.ts'
import { commit } from '../../core/commit.ts'
import { defineExtension, type Events, type StageContext, stage } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Session } from '../../core/session.ts'
import type { Outcome, Verdict } from '../../core/stage.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import archive, { type MessageArchive } from '../archive/index.ts'
import hints, { type Hints } from '../hints.ts'
import { Handovers } from './handover.ts'
import { portable } from './portable.ts'
import { OfflineQueue } from './queue.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
const RECIPIENT = { kind: 'message', side: 'recipient' } as const

export default defineExtension({
  name: 'offline',
  doc: 'Keeps messages for users who are not there',
  xeps: [
    { xep: 160, version: '1.0.1', status: 'complete' },
    { xep: 85, version: '2.1', status: 'complete', note: 'passed on, never kept' },
  ],
  features: { server: [NS.offlineMessages] },
  requires: [hints],
  options: {
    'messages-per-user': option.integer({
      doc: 'Most messages kept for one user; one more is answered with an error',
      default: 1_000,
      min: 1,
      max: 10_000,
      live: true,
    }),
    days: option.integer({
      doc: 'How long a message is kept',
      default: 7,
      min: 1,
      max: 3_650,
      unit: 'days',
      live: true,
    }),
  },
  portable: [portable],
  setup(host, options) {
    const queue = new OfflineQueue(host, {
      get most() {
        return options['messages-per-user']
      },
      get maxAge() {
        return options.days * DAY_MS
      },
    })
    const archived = host.find(archive)
    const handovers = new Handovers(host, queue, archived?.backlog)
    const offline = new Offline(host, queue, host.use(hints), archived)
    return {
      stages: [
        // Refuses while nothing is stored yet.
        stage('guard', RECIPIENT, (message, at) =>
          then(offline.needed(message, at), needed => (needed ? queue.requireRoom(at.owner) : undefined)),
        ),
        // In the one commit of the message: so it is safe before it is acknowledged, and commits of many messages go together.
        stage('record', RECIPIENT, (message, at) =>
          then(offline.wanted(message, at), wanted =>
            wanted ? [queue.add(at.owner, message, at.sender)] : [],
          ),
        ),
        stage('outcome', RECIPIENT, (message, at, outcome) => offline.settle(message, at, outcome)),
      ],
      on: {
        // Whoever comes is about to send presence: what waits is looked for while the client is answered.
        'session:bound': ({ session }) => queue.look(session.jid.bare),
        'session:closed': ({ session }) => queue.looks.end(session.jid.bare),
        'session:presence': event => {
          if (becomesReachable(event)) handovers.start(event.session)
        },
        'session:arrived': ({ session, catchingUp }) => {
          if (catchingUp) handovers.goOn(session)
        },
        'user:removed': ({ owner }) => queue.forget(owner),
      },
      moving: {
        forget: which => {
          queue.drop(which)
          handovers.drop(which)
        },
      },
    }
  },
})

/** Which messages are kept. */
class Offline {
  readonly #host: Host
  readonly #queue: OfflineQueue
  readonly #hints: Hints
  readonly #archive: MessageArchive | undefined

  constructor(host: Host, queue: OfflineQueue, hints: Hints, archive: MessageArchive | undefined) {
    this.#host = host
    this.#queue = queue
    this.#hints = hints
    this.#archive = archive
  }

  /** Whether a message would reach nobody now and ought to be kept. */
  needed(message: Stanza, at: StageContext): Maybe<boolean> {
    return !this.#reaches(message, at.owner) && this.#ours(message, at)
  }

  /** The same, or somebody is being handed older messages, so that this one ought to be kept and follow them. */
  wanted(message: Stanza, at: StageContext): Maybe<boolean> {
    if (this.#reaches(message, at.owner) && !this.#host.sessions(at.owner).some(isCatchingUp)) return false
    return this.#ours(message, at)
  }

  /** What is archived is not kept a second time: it is handed over from there. */
  #ours(message: Stanza, at: StageContext): Maybe<boolean> {
    return this.#worthKeeping(message) && then(this.#archive?.takes(message, at) ?? false, taken => !taken)
  }

  /** Ends what `record` began: the message stays, or goes again since somebody came meanwhile, or is stored late since all have left meanwhile. */
  settle(message: Stanza, at: StageContext, { sent, late }: Outcome): Maybe<Verdict | undefined> {
    const { owner } = at
    if (late.length > 0) {
      if (this.#queue.holds(message)) this.#queue.confirm(owner, message)
      else return this.#worthKeeping(message) ? this.#keepLate(message, at) : undefined
      return 'kept'
    }
    if (sent.length > 0) {
      this.#queue.withdraw(owner, message)
      return undefined
    }
    if (!this.#queue.holds(message)) {
      // XEP-0085 §5.8: nobody who types wants an error for each pause, so these vanish where nobody is there.
      if (isOnlyChatState(message)) return 'ignored'
      if (!this.#worthKeeping(message)) return undefined
      return then(this.#queue.requireRoom(owner), () => this.#keepLate(message, at))
    }
    this.#queue.confirm(owner, message)
    return 'kept'
  }

  #keepLate(message: Stanza, { owner, sender }: StageContext): Maybe<'kept'> {
    const stored = commit(this.#host.storage, [this.#queue.addLate(owner, message, sender)], this.#host.log)
    return then(stored, () => {
      this.#queue.confirm(owner, message)
      return 'kept'
    })
  }

  /** XEP-0160 §2 step 2: an available resource of non-negative priority takes it, or the very resource it is addressed to. */
  #reaches(message: Stanza, owner: JID): boolean {
    return this.#host.sessions(owner).some(session => session.reachable || message.to?.equals(session.jid))
  }

  #worthKeeping(message: Stanza): boolean {
    switch (message.type) {
      // XEP-0160 §3: these are never kept.
      case 'groupchat':
      case 'headline':
      case 'error':
        return false
      case 'chat':
        break
      // RFC 6121 §8.5.3.2.1: a normal message to a resource that is not there is answered with an error.
      default:
        if (message.to !== undefined && !message.to.isBare) return false
    }
    const hint = this.#hints.storing(message)
    if (hint === 'no-store') return false
    return hint === 'store' || !isOnlyChatState(message)
  }
}

function isCatchingUp(session: Session): boolean {
  return session.catchingUp
}

/** XEP-0160 §2 step 5: available presence of non-negative priority, where the session had none before. */
function becomesReachable({ session, before }: Events['session:presence']): boolean {
  return session.reachable && !before.reachable
}
