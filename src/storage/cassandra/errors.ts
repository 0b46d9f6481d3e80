import { errors } from 'cassandra-driver'
import { StorageError, type StorageErrorCode } from '../types.ts'

/** Errors of the CQL protocol, version 4, that say nothing about the moment: asking again changes nothing. */
const LASTING: Readonly<Record<number, readonly [StorageErrorCode, string]>> = {
  256: ['unavailable', 'user or password is wrong'],
  8192: ['invalid', 'a statement is not understood: is it an older Cassandra?'],
  8448: ['unavailable', 'the user has no right to do this'],
  8704: ['invalid', 'the request is refused as invalid'],
  8960: ['invalid', 'the request is refused by the configuration'],
}

/** The others. */
const PASSING: Readonly<Record<number, string>> = {
  0: 'an error inside Cassandra',
  4096: 'too few replicas are alive',
  4097: 'a node is overloaded',
  4098: 'a node is starting',
  4352: 'too few replicas have answered a write in time',
  4608: 'too few replicas have answered a read in time',
  4864: 'replicas have failed to read',
  5376: 'replicas have failed to write',
}

/** Of the above: something may have been written. */
const UNCLEAR: ReadonlySet<number> = new Set([0, 4352, 5376])

/** The same request may succeed a moment later. */
export class Passing extends StorageError {
  constructor(text: string) {
    super('unavailable', `Cassandra: ${text}`)
  }
}

/** What an error of the driver means. The text is ours: that of the driver or of Cassandra may hold values. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  if (isRefusal(error)) return new StorageError('unavailable', 'Cassandra: user or password is wrong')
  if (!(error instanceof errors.ResponseError)) return new Passing(withoutResponse(error))
  const code = Number((error as { code?: number }).code)
  const named = (text: string): string => `${text} (0x${code.toString(16).padStart(4, '0')})`
  const lasting = LASTING[code]
  if (lasting === undefined) return new Passing(named(PASSING[code] ?? 'an unknown error'))
  const [kind, text] = lasting
  return new StorageError(kind, `Cassandra: ${named(text)}`)
}

/** Whether the nodes that were asked have refused the user. */
function isRefusal(error: unknown): boolean {
  if (error instanceof errors.AuthenticationError) return true
  if (!(error instanceof errors.NoHostAvailableError)) return false
  return Object.values((error as { innerErrors?: object }).innerErrors ?? {}).some(isRefusal)
}

function withoutResponse(error: unknown): string {
  if (error instanceof errors.NoHostAvailableError) return 'no node can be asked'
  if (error instanceof errors.OperationTimedOutError) return 'no answer in time'
  return error instanceof Error ? error.name : 'an unknown error'
}

/** Whether the same request may succeed a moment later. */
export function mayPass(error: unknown): boolean {
  return storageError(error) instanceof Passing
}

/** Whether it is not known what became of a request: no answer, or one that says so; the connection may have broken meanwhile. */
export function isUnclear(error: unknown): boolean {
  if (error instanceof StorageError || isRefusal(error)) return false
  if (error instanceof errors.ResponseError) return UNCLEAR.has(Number((error as { code?: number }).code))
  return !(error instanceof errors.NoHostAvailableError)
}

/** This process must not write for an owner, or not any more. */
export class NotHeld extends StorageError {
  constructor() {
    super('unavailable', 'the slot of this owner is not held by this process')
  }
}
