import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { ContactRow, RosterRows } from './rows.ts'
import { INBOUND } from './states.ts'

/**
 * What an account leaves in the rosters of its contacts when it is removed and no server runs that could tell them: the same as if it had
 * cancelled all subscriptions. `isHere`: whether a contact is one of this server.
 */
export async function departure(
  rows: RosterRows,
  account: JID,
  isHere: (contact: JID) => boolean,
): Promise<Write[]> {
  const writes: Write[] = []
  for (const { jid } of (await rows.load(account)).contacts.values()) {
    const row = isHere(jid) ? await rows.get(jid, account) : undefined
    if (row === undefined) continue
    const roster = await rows.load(jid)
    const left = abandoned(row)
    writes.push(...rows.change(roster, account, left, row.listed))
    if (row.listed) writes.push(rows.putVersion(roster))
  }
  return writes
}

function abandoned({ request: _, ...row }: ContactRow): ContactRow | undefined {
  const state = INBOUND.unsubscribed[INBOUND.unsubscribe[row.state].next].next
  return row.listed || state !== 'none' ? { ...row, state } : undefined
}
