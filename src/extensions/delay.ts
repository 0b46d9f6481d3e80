/** XEP-0203: Delayed Delivery: keeps others from forging our notes of delay. Our own are made by xml/delay.ts. */
import { defineExtension, SIDES, stage } from '../core/extension.ts'
import { withoutForged } from '../core/forged.ts'
import type { Kind } from '../core/stage.ts'
import type { Element } from '../xml/element.ts'
import { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'

const KINDS: readonly Kind[] = ['message', 'presence']

export default defineExtension({
  name: 'delay',
  doc: 'Removes notes of delay that pretend to be from this server',
  xeps: [{ xep: 203, version: '2.0', status: 'complete' }],
  setup: host => ({
    stages: KINDS.flatMap(kind =>
      // At both sides: the sender's archive is not to hold what the recipient is spared.
      SIDES.map(side =>
        stage('stamp', { kind, side, child: ['delay', NS.delay] }, stanza =>
          withoutForged(stanza, child => isForged(child, host.jid)),
        ),
      ),
    ),
  }),
})

/** XEP-0203 §5: a note of delay whose `from` is the recipient's server is discarded. */
function isForged(child: Element, server: JID): boolean {
  const from: string | undefined = child.attrs.from
  return child.is('delay', NS.delay) && from !== undefined && JID.tryParse(from)?.bare.equals(server) === true
}
