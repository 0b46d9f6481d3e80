import type { Clock } from '../../core/clock.ts'
import type { JID } from '../../xml/jid.ts'

/** A look at what the storage holds for a user who has just come, and to which nothing has been added since. */
interface Look {
  /** It has been seen that there is nothing. */
  empty: boolean
  /** Monotonic ms. */
  readonly at: number
}

/** How long a look is believed: the home of a user may have been elsewhere meanwhile. */
const TRUSTED_MS = 60_000

/** Knows of users who have just come that nothing waits for them, so that it need not be asked when they become available. */
export class Looks {
  readonly #clock: Clock
  readonly #looks = new Map<string, Look>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A user has come. `anything` asks the storage. Nothing that was added before may be under way to it. */
  begin(owner: JID, anything: () => Promise<boolean>): void {
    const key = owner.toString()
    const look: Look = { empty: false, at: this.#clock.monotonic() }
    this.#looks.set(key, look)
    anything().then(
      found => {
        look.empty = !found
      },
      // Whoever asks what is due learns of it.
      () => this.#looks.delete(key),
    )
  }

  /** Whether it has been seen that there is nothing. It tells so once. */
  sawNothing(owner: JID): boolean {
    const look = this.#looks.get(owner.toString())
    this.end(owner)
    return look?.empty === true && this.#clock.monotonic() - look.at < TRUSTED_MS
  }

  /** The home of these users is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const key of [...this.#looks.keys()]) if (which(key)) this.#looks.delete(key)
  }

  /** Something is added, or nobody wants to know any more. */
  end(owner: JID): void {
    this.#looks.delete(owner.toString())
  }
}
