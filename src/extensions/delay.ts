/** XEP-0203: Delayed Delivery: keeps others from forging our notes of delay. Our own are made by xml/delay.ts. */
import { defineExtension, type Kind, SIDES, stage } from '../core/extension.ts'
import type { Element } from '../xml/element.ts'
import { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'

const KINDS: readonly Kind[] = ['message', 'presence']

export default defineExtension({
  name: 'delay',
  doc: 'Removes notes of delay that pretend to be from this server',
  xeps: [{ xep: 203, version: '2.0', status: 'complete' }],
  setup: host => ({
    stages: KINDS.flatMap(kind =>
      // At both sides: the sender's archive is not to hold what the recipient is spared.
      SIDES.map(side =>
        stage('stamp', { kind, side, child: ['delay', NS.delay] }, stanza => withoutForged(stanza, host.jid)),
      ),
    ),
  }),
})

/** XEP-0203 §5: a note of delay whose `from` is the recipient's server is discarded. */
function withoutForged(stanza: Stanza, server: JID): Stanza {
  const forged = (child: Element) => child.is('delay', NS.delay) && isBy(child.attrs.from, server)
  if (!stanza.children().some(forged)) return stanza
  return stanza.edit(copy => {
    for (const child of copy.getChildElements().filter(forged)) copy.remove(child)
  })
}

function isBy(from: string | undefined, server: JID): boolean {
  return from !== undefined && JID.tryParse(from)?.bare.equals(server) === true
}
