/** XEP-0045: Multi-User Chat: the service of a host, `rooms.<host>`. */
import { within } from '../../core/clock.ts'
import { StanzaError } from '../../core/errors.ts'
import { dispatchIq } from '../../core/iq.ts'
import { attempt, isPromise, type Maybe, then } from '../../core/maybe.ts'
import type { StoringService } from '../../core/services.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { takeMessage } from './messages.ts'
import type { MucParts } from './parts.ts'
import { takePresence } from './presence.ts'
import { passRequest } from './requests.ts'

/** Finishes what was begun. */
type Settle = () => Maybe<void>

/** How long others wait to hear of what somebody has asked for until that one has the answer, ms. */
const ANSWER_MS = 2_000

const NOTHING: Settle = () => undefined

/** Each room is an owner, in the sense of homes and of the storage: its home runs it, its lane orders it. */
export class RoomService implements StoringService {
  readonly #parts: MucParts

  constructor(parts: MucParts) {
    this.#parts = parts
  }

  owner(address: JID): JID {
    return address.bare
  }

  begin(stanza: Stanza): Maybe<Settle> {
    const { host, service } = this.#parts
    const to = stanza.to ?? service
    if (to.local === '') {
      if (stanza.kind === 'iq') return () => this.#dispatch(stanza, 'rooms', service)
      if (stanza.kind === 'presence' || stanza.type === 'error') return NOTHING
      throw new StanzaError('service-unavailable')
    }
    if (stanza.kind === 'iq')
      return to.resource === ''
        ? () => then(this.#ready(), () => this.#dispatch(stanza, 'room', to))
        : () =>
            then(this.#parts.ids.ready(), () =>
              host.router.homes.inLane(to.bare, () => passRequest(this.#parts, stanza)),
            )
    return then(this.#ready(), () =>
      host.router.homes.inLane(to.bare, () =>
        stanza.kind === 'presence' ? takePresence(this.#parts, stanza) : takeMessage(this.#parts, stanza),
      ),
    )
  }

  /** The keys of ids are there: whatever a room says may bear some. */
  #ready(): Maybe<undefined> {
    const { host, ids } = this.#parts
    return then(ids.ready(), () => host.ids.ready())
  }

  #dispatch(stanza: Stanza, place: 'rooms' | 'room', owner: JID): void {
    const { host } = this.#parts
    dispatchIq(stanza, { host, place, owner: owner.bare }, { send: answer => this.#answer(answer) })
  }

  /** Settles when the answer has come where it goes, or a while later: what the room tells because of it comes behind it. */
  #answer(answer: Stanza): Maybe<void> {
    const { router, background, clock } = this.#parts.host
    const sent = attempt(
      () => router.arrive(answer),
      error => router.unexpected(error),
    )
    if (!isPromise(sent)) return
    background.run('muc', sent)
    return within(clock, ANSWER_MS, sent, undefined)
  }
}
