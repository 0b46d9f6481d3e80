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

/** Counts that outlive the process that wrote them, and are found by all nodes: the recovery records of docs/decisions/0024. */
export interface HandledRecords {
  /** Keeps them for the time that the first one says. Rejects when that cannot be done now. */
  put(counts: readonly Handled[]): Promise<void>
  get(account: JID, id: string): Promise<number | undefined>
}

/** Where there are such records; undefined where counts are in the table. */
export function handledRecords({ storage }: Pick<Host, 'storage'>): HandledRecords | undefined {
  const { ephemeral } = storage
  if (!ephemeral.lasting) return undefined
  return {
    put: async counts => {
      const values = counts.map(({ account, id, h }) => [keyOf(account, id), String(h)] as const)
      if (values.length > 0) await ephemeral.set(new Map(values), counts[0]!.ttl)
    },
    get: async (account, id) => {
      const text = await ephemeral.get(keyOf(account, id))
      return text === undefined ? undefined : Number(text)
    },
  }
}

/** No bare address holds a space (RFC 7622 §3.3.1): whatever a client takes for an id, it is looked for under its own account. */
function keyOf(account: JID, id: string): string {
  return `handled ${account.bare} ${id}`
}
