import type { Write } from '../storage/types.ts'
import type { Stanza } from '../xml/stanza.ts'
import { arrival } from './arrival.ts'
import { printOf } from './carried.ts'
import { type Commits, quiet } from './commit.ts'
import { errorReply, StanzaError } from './errors.ts'
import type { StageContext } from './extension.ts'
import { isRepeated } from './ids.ts'
import type { HomeLink } from './link.ts'
import { attempt, eachInOrder, type Maybe, then } from './maybe.ts'
import type { Router, Settle } from './router.ts'
import type { Session } from './session.ts'

/** The path of what sessions send whose home is this node: both halves, the commit, delivery. */
export class Submissions {
  readonly #router: Router
  readonly #link: HomeLink
  readonly #commits: Commits

  constructor(router: Router, link: HomeLink, commits: Commits) {
    this.#router = router
    this.#link = link
    this.#commits = commits
  }

  /**
   * Takes a stanza from a session whose home is this node (ARCHITECTURE §7, hops 3 to 5). Settles when it is handled, in the order
   * of submission; never rejects. The next stanza is prepared while this one commits; one that waits holds back all later ones.
   */
  submit(stanza: Stanza, session: Session): Maybe<void> {
    const { storage } = this.#router.hostOf(session.jid)
    const refuse = (error: unknown): void => this.#refuse(stanza, error, session)
    const prepared = session.preparing.run(() => {
      const settle = attempt<Settle>(
        // A storage that is behind slows its senders before it has to refuse them.
        () => then(storage.pressure(), () => this.#prepare(stanza, session)),
        error => () => refuse(error),
      )
      // In an object, so that the lane of preparing does not wait for the settling.
      return then(settle, settle => ({ settled: session.settling.run(() => attempt(settle, refuse)) }))
    })
    return then(prepared, ({ settled }) => settled)
  }

  /** The sender's half, then the recipient's, up to the commit, which is started here. */
  #prepare(original: Stanza, session: Session): Maybe<Settle> {
    const host = this.#router.hostOf(session.jid)
    const at: StageContext = { owner: session.jid.bare, side: 'sender', session }
    return then(host.hooks.admit(original, at), stanza => {
      if (stanza === undefined) return () => {}
      if (stanza.kind === 'presence' && stanza.to === undefined)
        return () => this.#router.sessions.broadcast(host, session, stanza)
      const claim = host.hooks.presenceClaim(stanza, 'sender')
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
  #prepareOnce(stanza: Stanza, session: Session, at: StageContext, print: number): Maybe<Settle> {
    const { resends } = this.#router.hostOf(session.jid)
    return then(resends.isRepeated(print, session), repeated =>
      repeated
        ? () => {}
        : then(
            this.#prepareNew(stanza, session, at),
            settle => () => then(settle(), () => session.carried.add(print)),
          ),
    )
  }

  #prepareNew(stanza: Stanza, session: Session, at: StageContext): Maybe<Settle> {
    const { hooks } = this.#router.hostOf(session.jid)
    return then(hooks.record(stanza, at), writes => this.#prepareBoth(stanza, session, at, writes))
  }

  /** The recipient's half of a stanza whose sender's half has recorded `writes`, and the commit of both. */
  #prepareBoth(stanza: Stanza, session: Session, at: StageContext, writes: readonly Write[]): Maybe<Settle> {
    const host = this.#router.hostOf(session.jid)
    const copy = (shown: Stanza): void => host.hooks.copy(shown, at, [session])
    // XEP-0280 §8: the sender's other sessions see what it wrote whether it is refused or not: a refusal by another server comes later.
    const refused = (error: unknown, shown = stanza): never => {
      if (stanza.kind === 'message') copy(shown)
      throw error
    }
    const elsewhere = this.#router.elsewhere(stanza.to ?? session.jid)
    if (elsewhere !== undefined) {
      // ARCHITECTURE §6: the recipient's home commits first; refused there, nothing is committed here.
      const arrived = quiet(this.#link.receive(elsewhere, stanza, session))
      return () =>
        then(
          attempt(() => arrived, refused),
          () =>
            then(this.#commits.begin(host, writes), () => {
              if (!isRepeated(writes)) copy(host.ids.identify(stanza, at.owner, writes))
            }),
        )
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
    return attempt(half, error => () => refused(error))
  }

  /** Sends what a claim made of presence to its recipients, one after the other; throws or rejects with the first refusal. */
  #sendOn(stanzas: readonly Stanza[]): Maybe<undefined> {
    return eachInOrder(stanzas, stanza => then(this.#router.arrive(stanza), () => undefined))
  }

  #refuse(stanza: Stanza, error: unknown, session: Session): void {
    this.#router.unexpected(error)
    const reply = errorReply(stanza, StanzaError.from(error))
    if (reply === undefined) return
    // ARCHITECTURE §6: a bounced message passes the stages like any other: archives and carbons must learn of it.
    if (reply.kind === 'message') this.#router.route(reply)
    else session.send(reply)
  }
}
