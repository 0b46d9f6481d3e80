/** A client that asks for business cards (XEP-0054) again and again, and notes when each answer came, and what it was. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { attribute } from './cut-item.ts'
import type { RawClient } from './raw-client.ts'
import { signedIn } from './signed-in.ts'

/** Pause between two questions, ms. */
const PAUSE_MS = 10

/** Who asks, whom, and where. */
export interface AskerOptions {
  readonly port: number
  readonly user: string
  readonly password: string
  /** Addresses, asked in turn. */
  readonly targets: readonly string[]
}

/** What has come of the questions. */
export interface Asked {
  readonly answered: number
  /** Still without an answer. */
  readonly open: number
  /** Answers that say that somebody could not be asked, by their condition. */
  readonly errors: Readonly<Record<string, number>>
  /** The longest time an answer took, ms. */
  readonly longest: number
}

/** Asks from its start to its end. */
export class Asker {
  readonly #client: RawClient
  readonly #targets: readonly string[]
  /** When what was asked, by the id of the question. */
  readonly #open = new Map<string, number>()
  readonly #errors: Record<string, number> = {}
  #asking = true
  #answered = 0
  #longest = 0
  #loop: Promise<void> | undefined

  private constructor(client: RawClient, targets: readonly string[]) {
    this.#client = client
    this.#targets = targets
  }

  /** Signs in and begins to ask; gone with the test. */
  static async start(t: Test, { port, user, password, targets }: AskerOptions): Promise<Asker> {
    const client = await signedIn(t, port, user, password)
    const asker = new Asker(client, targets)
    asker.#loop = asker.#ask()
    t.teardown(() => asker.stop(0))
    return asker
  }

  /** Asks no more, waits for what lacks, so many ms at most, and leaves. */
  async stop(patience: number): Promise<Asked> {
    this.#asking = false
    await this.#loop
    for (const until = performance.now() + patience; this.#open.size > 0 && performance.now() < until; ) {
      await sleep(PAUSE_MS)
      this.#read()
    }
    this.#client.socket.destroy()
    return { answered: this.#answered, open: this.#open.size, errors: this.#errors, longest: this.#longest }
  }

  async #ask(): Promise<void> {
    for (let n = 0; this.#asking; n++) {
      const id = `q${n}`
      this.#open.set(id, performance.now())
      const to = this.#targets[n % this.#targets.length]
      this.#client.send(`<iq type='get' id='${id}' to='${to}'><vCard xmlns='vcard-temp'/></iq>`)
      await sleep(PAUSE_MS)
      this.#read()
    }
  }

  #read(): void {
    const answers = /<iq [^>]*?(?:\/>|>.*?<\/iq>)/gs
    const { text } = this.#client
    let end = 0
    for (let match = answers.exec(text); match !== null; match = answers.exec(text)) {
      end = answers.lastIndex
      this.#take(match[0])
    }
    this.#client.text = text.slice(end)
  }

  #take(answer: string): void {
    const id = attribute(answer, 'id') ?? ''
    const asked = this.#open.get(id)
    if (asked === undefined) return
    this.#open.delete(id)
    this.#answered++
    this.#longest = Math.max(this.#longest, performance.now() - asked)
    const condition = /<error[^>]*>.*?<([\w-]+)/s.exec(answer)?.[1]
    // Nobody here has a card: that is an answer as good as any.
    if (condition === undefined || condition === 'item-not-found') return
    this.#errors[condition] = (this.#errors[condition] ?? 0) + 1
  }
}
