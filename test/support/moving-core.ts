/** Nodes whose homes move, with sessions that write to each other as chance has it: what is lost, comes twice or out of order. */
import type { LocalNetwork } from '../../src/cluster/local.ts'
import { SLOTS } from '../../src/cluster/slots.ts'
import { xml } from '../../src/xml/element.ts'
import type { core, TestSession } from './core.ts'

/** What became of the messages of a run. */
export interface Tally {
  readonly sent: number
  /** Neither arrived nor answered with an error. */
  readonly missing: number
  readonly twice: number
  /** Arrived before an earlier one of the same sender. */
  readonly disordered: number
  readonly refused: number
}

/** Moves a random part of the slots to a random node. */
export function moveSome(network: LocalNetwork, random: () => number): Promise<void> {
  const to = network.nodes[Math.floor(random() * network.nodes.length)] as string
  const share = 1 + Math.floor(random() * 4)
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(() => random() < share / 5)
  return network.move(slots, to)
}

/** Of three nodes the second one leaves, a fourth comes and the first one is drained, with `some` traffic before and during each. */
export async function comeAndGo(server: ReturnType<typeof core>, some: () => Promise<void>): Promise<void> {
  await some()
  const left = server.network.leave('node1')
  await some()
  await left
  server.join('node3')
  const rebalanced = server.network.rebalance()
  await some()
  await rebalanced
  const drained = server.network.drain('node0')
  await some()
  await drained
}

/** Sends chat messages between sessions, numbered, without waiting for one another. */
export class Traffic {
  readonly #server: ReturnType<typeof core>
  readonly #random: () => number
  readonly sessions: TestSession[] = []
  readonly #sent: { readonly from: string; readonly to: string; readonly id: string }[] = []
  readonly #underWay = new Set<Promise<void>>()

  constructor(server: ReturnType<typeof core>, random: () => number) {
    this.#server = server
    this.#random = random
  }

  /** One more message, of a session to another one; `attributes` as a client sends them. */
  send(from: TestSession, to: TestSession): void {
    const id = `m${this.#sent.length}`
    this.#sent.push({ from: from.jid.toString(), to: to.jid.toString(), id })
    const origin = xml('origin-id', { xmlns: 'urn:xmpp:sid:0', id })
    const sent = from.send(
      'message',
      { to: to.jid.toString(), type: 'chat', id },
      xml('body', {}, id),
      origin,
    )
    this.#underWay.add(sent)
    void sent.then(() => this.#underWay.delete(sent))
  }

  /** A message between two sessions that chance picks. */
  sendOne(): void {
    const pick = (): TestSession =>
      this.sessions[Math.floor(this.#random() * this.sessions.length)] as TestSession
    const from = pick()
    const others = this.sessions.filter(one => !one.jid.bare.equals(from.jid.bare))
    this.send(from, others[Math.floor(this.#random() * others.length)] as TestSession)
  }

  /** Waits until all is handled. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
    await this.#server.settled()
  }

  get tally(): Tally {
    let [missing, twice, disordered, refused] = [0, 0, 0, 0]
    const all = new Map(this.sessions.map(session => [session.jid.toString(), idsOf(session, 'chat')]))
    const errors = new Map(this.sessions.map(session => [session.jid.toString(), idsOf(session, 'error')]))
    const last = new Map<string, number>()
    for (const { from, to, id } of this.#sent) {
      const places = (all.get(to) ?? []).flatMap((one, place) => (one === id ? [place] : []))
      if (places.length > 1) twice++
      const [place] = places
      if (place === undefined) {
        if (errors.get(from)?.includes(id)) refused++
        else missing++
        continue
      }
      const pair = `${from} ${to}`
      if (place < (last.get(pair) ?? -1)) disordered++
      last.set(pair, place)
    }
    return { sent: this.#sent.length, missing, twice, disordered, refused }
  }
}

function idsOf({ received }: TestSession, type: string): string[] {
  return received.flatMap(text =>
    text.startsWith('<message') && text.includes(` type="${type}"`)
      ? (/ id="(m\d+)"/.exec(text)?.[1] ?? [])
      : [],
  )
}
