import type { Table, Write } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import type { Host } from './host.ts'

/** XEP-0198 §5: how many stanzas of its client a session has handled. */
export interface Handled {
  readonly account: JID
  /** The SM-ID of the session. */
  readonly id: string
  readonly h: number
  /** How long this is of use, ms. */
  readonly ttl: number
}

/** Where that is stored: under the account, by SM-ID. */
export function handledTable({ storage }: Pick<Host, 'storage'>): Table<number> {
  return storage.table<number>('handled-counts', 'lww')
}

/** What stores it. */
export function handledWrite(host: Pick<Host, 'storage'>, { account, id, h, ttl }: Handled): Write {
  return handledTable(host).put(account, id, h, ttl)
}
