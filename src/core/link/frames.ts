/** What all who talk to other nodes share. */
import type { Answer, Cluster, ClusterError, ClusterErrorCode, Frame } from '../../cluster/types.ts'
import { readElement, TRUSTED_LIMITS } from '../../xml/reader.ts'
import { StanzaError } from '../errors.ts'
import { isPromise, type Maybe } from '../maybe.ts'

/** What was to be done at a home is to be done elsewhere: the home has moved before it began, or whoever sent it has. */
export class Moved extends Error {
  constructor() {
    super('the home has moved')
    this.name = 'Moved'
  }
}

/** Whether the node that was asked has died: a ClusterError. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && (error as Partial<ClusterError>).code === 'gone'
}

/** RFC 6120 §8.3.2: none of these is the stanza's fault, and its sender may try again (`wait`). */
const REFUSALS: Readonly<Record<ClusterErrorCode, () => StanzaError>> = {
  // RFC 6120 §8.3.3.16: nobody knows what has become of it.
  gone: () => new StanzaError('remote-server-timeout'),
  'no-home': busy,
  overloaded: busy,
  'too-large': busy,
  failed: () => new StanzaError('internal-server-error', { type: 'wait' }),
}

/** There is no home that can be asked now. RFC 6120 §8.3.3.18. */
export function busy(): StanzaError {
  return new StanzaError('resource-constraint', { text: 'the server is busy, try again' })
}

/** What the sender of a stanza is told when a home could not be asked: a ClusterError becomes a StanzaError; others stay as they are. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ClusterError') return error
  return REFUSALS[(error as ClusterError).code]()
}

/** Sends a frame and waits for its answer; rejects with the StanzaError that the other node met with. */
export async function ask(cluster: Cluster, node: string, frame: Frame): Promise<Answer> {
  return answerOf(await cluster.request(node, frame))
}

/** An answer, unless it is an error: throws the StanzaError that the other node met with. */
export function answerOf(answer: Answer): Answer {
  if (answer.error !== undefined)
    throw StanzaError.parse(readElement(answer.error as Buffer, TRUSTED_LIMITS).tree())
  return answer
}

const DONE: Answer = {}

/** Runs a task for another node; a StanzaError, or any other failure made into one, becomes the answer. */
export async function answering(task: () => Maybe<Answer | undefined | void>): Promise<Answer> {
  try {
    const answer = task()
    return (isPromise(answer) ? await answer : answer) ?? DONE
  } catch (error) {
    if (error instanceof Moved) return { moved: true }
    return { error: Buffer.from(StanzaError.from(error).element().toString()) }
  }
}
