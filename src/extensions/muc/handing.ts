/** What rooms have for accounts that are not there, at the home of the account. */
import type { HomeTasks } from '../../core/home-tasks.ts'
import type { Host } from '../../core/host.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import blocking from '../blocking/index.ts'

/** XEP-0191 §3.3: nothing comes from whom the account blocks, not by way of a room either. */
export function handing(host: Host): HomeTasks['muc:hand'] {
  const blocked = host.find(blocking)
  return async (account, { by, message, to }) => {
    if (await blocked?.blocks(account, JID.parse(by))) return
    host.router.route(Stanza.unpack(Buffer.from(message, 'base64')).with({ to: JID.parse(to) }))
  }
}
