/** What all who talk to other nodes share. */
import type { Answer, Cluster, Frame } from '../cluster/types.ts'
import { readElement, TRUSTED_LIMITS } from '../xml/reader.ts'
import { StanzaError } from './errors.ts'
import type { Maybe } from './maybe.ts'

/** Sends a frame and waits for its answer; rejects with the StanzaError that the other node met with. */
export async function ask(cluster: Cluster, node: string, frame: Frame): Promise<Answer> {
  const answer = await cluster.request(node, frame)
  if (answer.error !== undefined)
    throw StanzaError.parse(readElement(answer.error as Buffer, TRUSTED_LIMITS).tree())
  return answer
}

/** Runs a task for another node; a StanzaError, or any other failure made into one, becomes the answer. */
export async function answering(task: () => Maybe<Answer | undefined | void>): Promise<Answer> {
  try {
    return (await task()) ?? {}
  } catch (error) {
    return { error: Buffer.from(StanzaError.from(error).element().toString()) }
  }
}
