import type { Write } from '../storage/types.ts'
import type { Stanza } from '../xml/stanza.ts'
import { arrival } from './arrival.ts'
import { printOf } from './carried.ts'
import type { Commits } from './commit.ts'
import { errorReply, StanzaError } from './errors.ts'
import type { StageContext } from './extension.ts'
import { Far } from './far.ts'
import { isRepeated } from './ids.ts'
import { Moved } from './link/frames.ts'
import type { Link } from './link/types.ts'
import { attempt, eachInOrder, type Maybe, then } from './maybe.ts'
import type { Router, Settle } from './router.ts'
import type { Session } from './session.ts'

/** In an object, so that the lane of preparing does not wait for the settling. */
interface Settling {
  readonly settled: Maybe<void>
}

/** The path of what sessions send whose home is this node: both halves, the commit, delivery. */
export class Submissions {
  readonly #router: Router
  readonly #link: Link
  readonly #commits: Commits

  constructor(router: Router, link: Link, commits: Commits) {
    this.#router = router
    this.#link = link
    this.#commits = commits
  }

  /**
   * Takes a stanza from a session whose home is this node (ARCHITECTURE §7, hops 3 to 5): the `number`th of its connection. Settles when it
   * is handled, in the order of submission; never rejects, but with `Moved` for a connection elsewhere. The next stanza is prepared while this one commits; one that waits holds back all later ones.
   */
  submit(stanza: Stanza, session: Session, number: number): Maybe<void> {
    const { storage } = this.#router.hostOf(session.jid)
    const refuse = (error: unknown): Maybe<void> => this.#refuse(stanza, error, session, number)
    const prepare = (): Maybe<Settling> => {
      // Its home is going to be another one, which has not begun with this stanza either.
      if (session.left !== undefined) return { settled: session.left(stanza, number) }
      const settle = attempt<Settle | Far>(
        // A storage that is behind slows its senders before it has to refuse them.
        () => then(storage.pressure(), () => this.#prepare(stanza, session)),
        error => () => refuse(error),
      )
      return then(settle, settle => ({
        settled:
          settle instanceof Far
            ? settle.settle(session, refuse)
            : session.settling.run(() => attempt(settle, refuse)),
      }))
    }
    return then(
      session.preparing.run(() => then(earlier(stanza, session), prepare)),
      ({ settled }) => settled,
    )
  }

  /** The sender's half, then the recipient's, up to the commit, which is started here. */
  #prepare(original: Stanza, session: Session): Maybe<Settle | Far> {
    const host = this.#router.hostOf(session.jid)
    const at: StageContext = { owner: session.jid.bare, side: 'sender', session }
    return then<Stanza | undefined, Settle | Far>(host.hooks.stages.admit(original, at), stanza => {
      if (stanza === undefined) return () => {}
      if (stanza.kind === 'presence' && stanza.to === undefined)
        return () => this.#router.sessions.broadcast(host, session, stanza)
      const claim = host.hooks.stages.presenceClaim(stanza, 'sender')
      if (claim !== undefined)
        return () =>
          then(
            this.#router.homes.inLane(at.owner, () => claim.handler(stanza, at)),
            all => this.#sendOn(all),
          )
      const print = printOf(stanza)
      return print === undefined
        ? this.#prepareNew(stanza, session, at)
        : this.#prepareOnce(stanza, session, at, print)
    })
  }

  /** ARCHITECTURE §7: what earlier streams of the account have brought is there already, and was delivered when it came first. */
  #prepareOnce(stanza: Stanza, session: Session, at: StageContext, print: number): Maybe<Settle | Far> {
    const { resends } = this.#router.hostOf(session.jid)
    return then<boolean, Settle | Far>(resends.isRepeated(print, session), repeated => {
      if (repeated) return () => {}
      const add = (): void => session.carried.add(print)
      return then<Settle | Far, Settle | Far>(this.#prepareNew(stanza, session, at), settle =>
        settle instanceof Far ? settle.followedBy(add) : () => then(settle(), add),
      )
    })
  }

  #prepareNew(stanza: Stanza, session: Session, at: StageContext): Maybe<Settle | Far> {
    const { hooks } = this.#router.hostOf(session.jid)
    return then(hooks.stages.record(stanza, at), writes => this.#prepareBoth(stanza, session, at, writes))
  }

  /** The recipient's half of a stanza whose sender's half has recorded `writes`, and the commit of both. */
  #prepareBoth(
    stanza: Stanza,
    session: Session,
    at: StageContext,
    writes: readonly Write[],
  ): Maybe<Settle | Far> {
    const host = this.#router.hostOf(session.jid)
    const copy = (shown: Stanza): void => host.hooks.stages.copy(shown, at, [session])
    // XEP-0280 §8: the sender's other sessions see what it wrote whether it is refused or not: a refusal by another server comes later.
    const refused = (error: unknown, shown = stanza): never => {
      if (stanza.kind === 'message' && !(error instanceof Moved)) copy(shown)
      throw error
    }
    if (!this.#router.isHome(stanza.to ?? session.jid) && !isOwn(stanza, session)) {
      // ARCHITECTURE §6: the recipient's home commits first; refused there, nothing is committed here.
      const begin = writes.length === 0 ? undefined : () => this.#commits.begin(host, writes)
      const finish = (): void => {
        if (!isRepeated(writes)) copy(host.ids.identify(stanza, at.owner, writes))
      }
      return new Far(this.#link.receive(stanza, session), { begin, refused, finish })
    }
    const half = (): Maybe<Settle> =>
      then(arrival(this.#router, stanza, session, session), ({ writes: theirs, arrive }) => {
        const all = theirs.length === 0 ? writes : [...writes, ...theirs]
        const committed = this.#commits.begin(host, all)
        return () =>
          then(committed, () => {
            // ARCHITECTURE §7: what is there already was delivered when it came first.
            if (isRepeated(all)) return
            const shown = host.ids.identify(stanza, at.owner, writes)
            return then(
              attempt(arrive, error => refused(error, shown)),
              () => copy(shown),
            )
          })
      })
    const leave = this.#router.enter(stanza)
    const settle = attempt(half, error => () => refused(error))
    return leave === undefined ? settle : staying(settle, leave)
  }

  /** Sends what a claim made of presence to its recipients, one after the other; throws or rejects with the first refusal. */
  #sendOn(stanzas: readonly Stanza[]): Maybe<undefined> {
    return eachInOrder(stanzas, stanza => then(this.#router.arrive(stanza), () => undefined))
  }

  #refuse(stanza: Stanza, error: unknown, session: Session, number: number): Maybe<void> {
    // It has been withdrawn from its way to another home, since its own one moves.
    if (error instanceof Moved && session.left !== undefined) return session.left(stanza, number)
    this.#router.unexpected(error)
    const reply = errorReply(stanza, StanzaError.from(error))
    if (reply === undefined) return
    // ARCHITECTURE §6: a bounced message passes the stages like any other: archives and carbons must learn of it.
    // Its sender learns of it all the same where that cannot be stored: it is acknowledged, and would be lost without a word.
    const direct = (): void => session.send(reply)
    if (reply.kind === 'message' && !this.#mustNotServe(session)) this.#router.route(reply, direct)
    else direct()
  }

  /** Whether this node has lost its lease of a session that is here: nothing can be stored for it, and who waits for its home waits in vain. */
  #mustNotServe({ jid, left }: Session): boolean {
    return left === undefined && this.#router.cluster.homeOf(jid.bare.toString()) === undefined
  }
}

/** Whether a stanza is for the account that it comes from: their home is here as long as the session is. */
function isOwn({ to }: Stanza, { jid }: Session): boolean {
  return to === undefined || to.bare.equals(jid.bare)
}

/**
 * What a request to the own account waits for: its answer knows of what the session has sent before, even if that waits for a home. Nothing
 * behind it has begun, so no home that moves waits for this.
 */
function earlier(stanza: Stanza, session: Session): Maybe<unknown> {
  const { aside } = session
  if (stanza.kind !== 'iq' || aside === undefined || aside.size === 0 || !isOwn(stanza, session)) return
  return Promise.allSettled(aside)
}

/** What is prepared for a recipient whose home stays until it has settled. */
async function staying(prepared: Maybe<Settle>, leave: () => void): Promise<Settle> {
  const settle = await prepared
  return async () => {
    try {
      await settle()
    } finally {
      leave()
    }
  }
}
