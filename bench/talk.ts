/** Pairs of clients that go on talking while something happens to others: how long their messages take meanwhile. */
import { type Client, quantile, type Target } from './clients.ts'

/** ms between two messages of a pair: one way and back. */
const EVERY = 100
/** Characters of a stanza before its body is whole. */
const LONGEST = 1_000

/** A client that is signed in, and where it is written to. */
export interface Talker {
  readonly client: Client
  readonly address: string
}

/** A conversation of several pairs. */
export interface Talk {
  /** Round trips, ms. */
  readonly waits: number[]
  stop(): void
}

/** The bare address of a user. */
export function addressOf(target: Target, user: number): string {
  return `${target.userPrefix}${user}@${target.domain}`
}

/** A message of chat. */
export function message(to: string, body: string | number): string {
  return `<message to='${to}' type='chat'><body>${body}</body></message>`
}

/** Gives the body of each message that a client gets from now on. Nothing else of it is read. */
export function eachBody(client: Client, take: (body: string) => void): void {
  let rest = ''
  client.onText = chunk => {
    const text = rest + chunk
    let read = 0
    for (const match of text.matchAll(/<body>([^<]*)<\/body>/g)) {
      read = match.index + match[0].length
      take(match[1]!)
    }
    rest = text.slice(read).slice(-LONGEST)
  }
}

/** Has the first write to the second, which answers, the third to the fourth, and so on, until told to stop. */
export function talk(talkers: readonly Talker[]): Talk {
  const waits: number[] = []
  const timers = talkers.flatMap(({ client }, index) => {
    const peer = talkers[index ^ 1]!.address
    if (index % 2 === 1) {
      eachBody(client, at => client.send(message(peer, at)))
      return []
    }
    eachBody(client, at => void waits.push(performance.now() - Number(at)))
    return [setInterval(() => client.send(message(peer, performance.now())), EVERY)]
  })
  return { stop: () => timers.forEach(timer => void clearInterval(timer)), waits }
}

/** Durations in words. */
export function told(values: readonly number[]): string {
  const most = values.reduce((one, other) => Math.max(one, other), 0)
  return `median ${quantile(values, 0.5).toFixed(1)}, p99 ${quantile(values, 0.99).toFixed(0)}, most ${most.toFixed(0)} ms (${values.length})`
}
