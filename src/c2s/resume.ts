import type { Element } from '../xml/element.ts'
import { countOf, failed } from './management-elements.ts'
import type { Newcomer } from './newcomer.ts'
import type { Tell } from './resumption.ts'
import { ClientSession } from './session.ts'

/**
 * XEP-0198 §5: has a session go on over the stream of a client that has signed in, from this node or another. `tell` says how the client
 * learns that it does. Otherwise resolves with the element that says that it does not; rejects with the StreamError to close the stream with.
 */
export async function resume(
  { id = '', h: text }: { readonly id: string | undefined; readonly h: string | undefined },
  { stream, account, router, parts }: Pick<Newcomer, 'stream' | 'account' | 'router' | 'parts'>,
  tell: Tell = resumed => resumed,
): Promise<Element | undefined> {
  const { resumption } = parts
  const h = countOf('resume', text)
  if (await resumption.find(id, account)?.resume(stream, h, tell)) return undefined
  const session = new ClientSession(stream, parts)
  const fetched = await router.fetch(account, id, session)
  if (fetched !== undefined) {
    session.continue(stream, h, id, fetched, tell)
    return undefined
  }
  // A storage that fails for a moment knows nothing about it: the client may bind all the same.
  return failed('item-not-found', await resumption.counts.find(id, account).catch(() => undefined))
}
