import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { errorReply, StanzaError } from './errors.ts'
import type { IqAnswer, IqContext, Place } from './extension.ts'
import type { Host } from './host.ts'
import { attempt, isPromise, type Maybe, then } from './maybe.ts'
import type { Session } from './session.ts'

/** Where a request is handled. */
export interface IqTarget {
  readonly host: Host
  readonly place: Place
  /** Bare JID of the account, or the address of the host or the service. */
  readonly owner: JID
  /** The sender's session when it is one of the owner's own. */
  readonly session?: Session
}

/** Whoever hands answers on. What is to be done after an answer (`IqAnswer.after`) waits until it is there, where that is said; it never rejects. */
interface Answering {
  send(answer: Stanza): Maybe<void>
}

/**
 * Dispatches a request that the server answers itself and sends the answer to `origin`. Returns once the handler has started
 * (ARCHITECTURE §1: an IQ counts as handled when dispatched). Answers go to whoever asked.
 */
export function dispatchIq(stanza: Stanza, target: IqTarget, origin: Answering): void {
  if (stanza.type === 'result' || stanza.type === 'error') {
    target.host.requests.answer(stanza)
    return
  }
  const answered = attempt(
    () =>
      then(handle(stanza, target), answer => {
        const whole: IqAnswer = answer !== undefined && 'payload' in answer ? answer : { payload: answer }
        for (const first of whole.before ?? []) void origin.send(first)
        const sent = origin.send(
          stanza.reply('result', ...(whole.payload === undefined ? [] : [whole.payload])),
        )
        const { after } = whole
        // Starts at once; what it throws is logged, the request being answered.
        if (after !== undefined)
          target.host.background.run('iq', isPromise(sent) ? sent.then(after) : (async () => after())())
      }),
    error => refuse(stanza, error, target.host, origin),
  )
  if (answered instanceof Promise) {
    const { background, router } = target.host
    background.run('iq', router.cluster.alone ? answered : answered.finally(staying(stanza, target)))
  }
}

/** Has the homes of who is asked and of who asks wait for the answer, as far as they are here, until what is returned is called. */
function staying({ from }: Stanza, { host, place, owner }: IqTarget): () => void {
  const { homes } = host.router
  const leaves = [from.bare, ...(place === 'account' ? [owner] : [])]
    .filter(one => homes.find(one) !== undefined)
    .map(one => homes.answers(one))
  return () => {
    for (const leave of leaves) leave()
  }
}

function handle(stanza: Stanza, { host, place, owner, session }: IqTarget) {
  const payload = requestPayload(stanza)
  const claim = host.hooks.claims.of(stanza.type ?? '', place, payload.getNS() ?? '', payload.getName())
  // RFC 6120 §8.3.3.19: what the server does not understand; RFC 6121 §8.5.1: and what a stranger may not ask an account
  // (the same answer as for an account that does not exist).
  if (claim === undefined || (place === 'account' && claim.access === 'own' && session === undefined))
    throw new StanzaError('service-unavailable')
  return claim.handler({ stanza, payload, owner, ...(session && { session }) })
}

/** RFC 6120 §8.2.3: a request has a type of get or set, an id and exactly one child element. */
function requestPayload(stanza: Stanza) {
  const [payload, ...others] = stanza.children()
  if (
    (stanza.type !== 'get' && stanza.type !== 'set') ||
    stanza.id === undefined ||
    payload === undefined ||
    others.length > 0
  )
    throw new StanzaError('bad-request')
  return payload
}

function refuse(stanza: Stanza, error: unknown, host: Host, origin: Answering): void {
  if (!(error instanceof StanzaError))
    host.log.error({ code: 'TIDINGS_IQ_HANDLER_FAILED', err: error }, 'the handler of a request failed')
  const reply = errorReply(stanza, StanzaError.from(error))
  if (reply !== undefined) void origin.send(reply)
}

/** The session that asks its own account. Throws the StanzaError `forbidden` where somebody else asks. */
export function ownSession({ session }: IqContext): Session {
  if (session === undefined) throw new StanzaError('forbidden')
  return session
}
