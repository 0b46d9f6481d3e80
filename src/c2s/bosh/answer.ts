/** What a client is answered: the body of an HTTP answer, XEP-0124 §6, §17. */
import { escapeValue } from '../../xml/escape.ts'
import { NS } from '../../xml/ns.ts'
import type { StreamError } from '../../xml/stream-error.ts'

/** XEP-0124 §17.2: why a session is over. */
export type Condition =
  | 'bad-request'
  | 'host-unknown'
  | 'improper-addressing'
  | 'internal-server-error'
  | 'item-not-found'
  | 'policy-violation'
  | 'remote-connection-failed'
  | 'remote-stream-error'
  | 'system-shutdown'

/** Ends a session, or refuses a request for one; turned into an answer in one place. */
export class BoshError extends Error {
  readonly condition: Condition

  constructor(condition: Condition) {
    super(condition)
    this.name = 'BoshError'
    this.condition = condition
  }
}

/** XEP-0124 §17.1: what a client that names no version of BOSH is told instead. */
const STATUS: Partial<Record<Condition, number>> = {
  'bad-request': 400,
  'policy-violation': 403,
  'item-not-found': 404,
}
/** XEP-0124 §17.2: errors of the stream that are none of what is transported. */
const SAME: ReadonlySet<string> = new Set(['host-unknown', 'improper-addressing', 'system-shutdown'])

/** Attributes of a body. What is undefined is left out. */
export type BodyAttributes = Readonly<Record<string, string | number | undefined>>

/** The body of an answer; payloads declare their namespaces themselves. */
export function printBody(attributes: BodyAttributes = {}, payload?: Buffer): Buffer {
  let text = `<body xmlns='${NS.httpBind}'`
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) text += ` ${name}='${escapeValue(String(value))}'`
  if (payload === undefined || payload.length === 0) return Buffer.from(`${text}/>`)
  // XEP-0206 §2: around features and errors of the stream it must be declared here, too.
  if (payload.includes('<stream:')) text += ` xmlns:stream='${NS.stream}'`
  return Buffer.concat([Buffer.from(`${text}>`), payload, Buffer.from('</body>')])
}

/** The status of a last answer, and its body. `legacy`: the client named no version of BOSH. */
export function printError(condition: Condition, legacy: boolean): { status: number; body: Buffer } {
  const status = legacy ? STATUS[condition] : undefined
  if (status !== undefined) return { status, body: Buffer.alloc(0) }
  return { status: 200, body: printBody({ type: 'terminate', condition }) }
}

/** The condition of a session whose stream ended with this error. */
export function conditionOf({ condition }: StreamError): Condition {
  return SAME.has(condition) ? (condition as Condition) : 'remote-stream-error'
}
