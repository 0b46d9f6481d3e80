/** What all who talk to other nodes share. */
import type { Answer, Cluster, ClusterError, Frame } from '../cluster/types.ts'
import { readElement, TRUSTED_LIMITS } from '../xml/reader.ts'
import { StanzaError } from './errors.ts'
import type { Maybe } from './maybe.ts'

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

/** Runs a task for another node; a StanzaError, or any other failure made into one, becomes the answer. */
export async function answering(task: () => Maybe<Answer | undefined | void>): Promise<Answer> {
  try {
    return (await task()) ?? {}
  } catch (error) {
    if (error instanceof Moved) return { moved: true }
    return { error: Buffer.from(StanzaError.from(error).element().toString()) }
  }
}
