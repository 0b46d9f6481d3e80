/** docs/protocol/status.md: what has become of messages: XEP-0184 receipts, XEP-0198 acknowledgements and XEP-0333 markers, kept by the server. */
import { defineExtension, get, stage } from '../../core/extension.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import archive from '../archive/index.ts'
import { Collector } from './collector.ts'
import { Marks, type Reached, type Reference } from './marks.ts'
import { Questions, type Times } from './questions.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Messages of the owner have reached somebody. Returns before that is stored. */
    'status:reached'(owner: JID, reached: Reached): void
    /** How far a message of the owner's has come with `peer`. */
    'status:of'(owner: JID, message: { readonly peer: string; readonly reference: Reference }): Promise<Times>
  }
}

/** Whoever asks about somebody else's messages is answered, by an error: XEP-0313 §7.1. */
const ANYBODY = { access: 'any' } as const

export default defineExtension({
  name: 'status',
  doc: 'Remembers which messages were delivered and read, and tells who wrote them, also later',
  xeps: [
    { xep: 184, version: '1.4.0', status: 'complete', note: 'passed on, archived, remembered' },
    { xep: 333, version: '1.0.0', status: 'complete', note: 'passed on, archived, remembered' },
  ],
  features: { server: [NS.status], account: [NS.status] },
  follows: [archive],
  setup(host) {
    const marks = new Marks(host)
    const collector = new Collector(host)
    const questions = new Questions(host, marks)
    return {
      iq: [
        get(NS.status, 'status', 'account', iq => questions.one(iq), ANYBODY),
        get(NS.status, 'changes', 'account', iq => questions.changes(iq), ANYBODY),
      ],
      stages: [
        // One that sees all messages is cheaper than two that each have to be picked by a child.
        stage('copy', { kind: 'message', side: 'recipient' }, (message, { owner }) => {
          if (message.has('received', NS.receipts)) collector.told(message, owner, 'delivered')
          if (message.has('displayed', NS.chatMarkers)) collector.told(message, owner, 'read')
        }),
      ],
      on: {
        'delivery:acknowledged': ({ jid, sent }) => collector.acknowledged(jid.bare, sent),
        'archive:fetched': ({ owner, entries }) => collector.fetched(owner, entries),
        'archive:erasing': ({ owner, entries }) => marks.erasing(owner, entries),
      },
      atHome: {
        'status:reached': (owner, reached) => {
          // In the background, since it looks through the archive; the home stays until it is done.
          const leave = host.router.homes.enter(owner)
          host.background.run('status', marks.reach(owner, reached).finally(leave))
        },
        'status:of': (owner, { peer, reference }) => questions.timesOf(owner, peer, reference),
      },
      stop: () => collector.stop(),
    }
  },
})
