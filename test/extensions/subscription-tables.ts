/**
 * RFC 6121 Appendix A.2 and A.3, typed from the RFC and not from our code: what it says of each type of stanza in each state.
 * A line: existing state | does it pass (routed, or delivered) | new state.
 */

export type Direction = 'outbound' | 'inbound'

export interface TableRow {
  readonly direction: Direction
  readonly type: string
  readonly state: string
  readonly passes: boolean
  readonly next: string
}

const TABLES = `
outbound subscribe
None                  | MUST     | None + Pending Out
None + Pending Out    | MUST     | no state change
None + Pending In     | MUST     | None + Pending Out+In
None + Pending Out+In | MUST     | no state change
To                    | MUST     | no state change
To + Pending In       | MUST     | no state change
From                  | MUST     | From + Pending Out
From + Pending Out    | MUST     | no state change
Both                  | MUST     | no state change

outbound unsubscribe
None                  | MUST     | no state change
None + Pending Out    | MUST     | None
None + Pending In     | MUST     | no state change
None + Pending Out+In | MUST     | None + Pending In
To                    | MUST     | None
To + Pending In       | MUST     | None + Pending In
From                  | MUST     | no state change
From + Pending Out    | MUST     | From
Both                  | MUST     | From

outbound subscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST NOT | no state change
None + Pending In     | MUST     | From
None + Pending Out+In | MUST     | From + Pending Out
To                    | MUST NOT | no state change
To + Pending In       | MUST     | Both
From                  | MUST NOT | no state change
From + Pending Out    | MUST NOT | no state change
Both                  | MUST NOT | no state change

outbound unsubscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST NOT | no state change
None + Pending In     | MUST     | None
None + Pending Out+In | MUST     | None + Pending Out
To                    | MUST NOT | no state change
To + Pending In       | MUST     | To
From                  | MUST     | None
From + Pending Out    | MUST     | None + Pending Out
Both                  | MUST     | To

inbound subscribe
None                  | MUST     | None + Pending In
None + Pending Out    | MUST     | None + Pending Out+In
None + Pending In     | MUST NOT | no state change
None + Pending Out+In | MUST NOT | no state change
To                    | MUST     | To + Pending In
To + Pending In       | MUST NOT | no state change
From                  | MUST NOT | no state change
From + Pending Out    | MUST NOT | no state change
Both                  | MUST NOT | no state change

inbound unsubscribe
None                  | MUST NOT | no state change
None + Pending Out    | MUST NOT | no state change
None + Pending In     | MUST     | None
None + Pending Out+In | MUST     | None + Pending Out
To                    | MUST NOT | no state change
To + Pending In       | MUST     | To
From                  | MUST     | None
From + Pending Out    | MUST     | None + Pending Out
Both                  | MUST     | To

inbound subscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST     | To
None + Pending In     | MUST NOT | no state change
None + Pending Out+In | MUST     | To + Pending In
To                    | MUST NOT | no state change
To + Pending In       | MUST NOT | no state change
From                  | MUST NOT | no state change
From + Pending Out    | MUST     | Both
Both                  | MUST NOT | no state change

inbound unsubscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST     | None
None + Pending In     | MUST NOT | no state change
None + Pending Out+In | MUST     | None + Pending In
To                    | MUST     | None
To + Pending In       | MUST     | None + Pending In
From                  | MUST NOT | no state change
From + Pending Out    | MUST     | From
Both                  | MUST     | From
`

/** All 72 rows. */
export const ROWS: readonly TableRow[] = TABLES.trim()
  .split('\n\n')
  .flatMap(table => {
    const [title = '', ...lines] = table.split('\n')
    const [direction, type] = title.split(' ') as [Direction, string]
    return lines.map(line => {
      const [state, passes, next] = line.split('|').map(cell => cell.trim()) as [string, string, string]
      const after = next === 'no state change' ? state : next
      return { direction, type, state, passes: passes === 'MUST', next: after }
    })
  })

/** The names of the states in our code. */
export const OUR_NAMES: Readonly<Record<string, string>> = {
  None: 'none',
  'None + Pending Out': 'none+out',
  'None + Pending In': 'none+in',
  'None + Pending Out+In': 'none+out+in',
  To: 'to',
  'To + Pending In': 'to+in',
  From: 'from',
  'From + Pending Out': 'from+out',
  Both: 'both',
}
