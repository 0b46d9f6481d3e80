/** docs/protocol/sequence.md: shows which of the messages of its conversation each one is. The archive counts; it belongs to XEP-0359. */
import { defineExtension, SIDES, stage } from '../core/extension.ts'
import { NS } from '../xml/ns.ts'
import archive from './archive/index.ts'
import stanzaIds from './stanza-ids.ts'

export default defineExtension({
  name: 'sequence',
  doc: 'Numbers archived messages within their conversation, so that a client sees what it lacks and how much is unread',
  features: { server: [NS.sequence], account: [NS.sequence] },
  requires: [stanzaIds],
  follows: [archive],
  setup(host) {
    const { withoutForged } = host.use(stanzaIds)
    host.ids.numbered = true
    return {
      stages: SIDES.map(side =>
        stage('stamp', { kind: 'message', side, child: ['sequence', NS.sequence] }, message =>
          withoutForged(message, 'sequence', NS.sequence),
        ),
      ),
    }
  },
})
