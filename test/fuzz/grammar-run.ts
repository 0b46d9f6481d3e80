/** One run of the grammar fuzz: its servers, its clients and what it has found. */
import { NS } from '../../src/xml/ns.ts'
import { Client } from '../support/dialogue/client.ts'
import { authenticateByPlain, openStream, signIn } from '../support/dialogue/sign-in.ts'
import type { ClientSpec } from '../support/dialogue/types.ts'
import { printXml, type XmlElement, type XmlEvent } from '../support/dialogue/xml.ts'
import { type NodePorts, TestServer, testCertificates } from '../support/test-server.ts'
import { type Addresses, claimed, type FuzzCase, Grammar, type StreamState } from './grammar-elements.ts'
import {
  allowedStreamErrors,
  expectation,
  isNonza,
  isRegistration,
  isStartTls,
  mustEnd,
  streamErrorIn,
  verdictOf,
} from './grammar-oracle.ts'
import { answersToNobody, comeOf, count, elements, heap, keeping } from './grammar-tools.ts'
import { Random } from './random.ts'

/** Stanzas that share one round trip. */
export const BATCH = 50
/** More than this may not be left after a collection, compared with an early one: bytes. */
const MOST_GROWTH = 16 * 1024 * 1024

const ADDRESSES: Addresses = { self: 'alice@localhost/1', other: 'bob@localhost/1' }

/** What a run has found. */
export interface Summary {
  readonly cases: number
  readonly byState: ReadonlyMap<StreamState, number>
  /** Answers by condition, `result` among them, and stream errors with a `stream:` in front. */
  readonly verdicts: ReadonlyMap<string, number>
  readonly failures: readonly { readonly xml: string; readonly why: string }[]
  /** Bytes of heap that the later part of the run has added. */
  readonly growth: number
}

/** The cases go out in rounds; failures gather. */
export class Run {
  cases = 0
  readonly failures: { xml: string; why: string }[] = []
  private readonly byState = new Map<StreamState, number>()
  private readonly verdicts = new Map<string, number>()
  private readonly grammar: Grammar
  private readonly server: TestServer
  /** A server where TLS comes first. */
  private readonly tlsFirst: TestServer
  /** A server that has no TLS, where XEP-0388 is to be had at once. */
  private readonly open: TestServer
  private readonly logged: string[]
  private early: number | undefined
  private alice!: Client
  private bob!: Client

  private constructor(
    seed: number,
    { server, tlsFirst, open }: Record<'server' | 'tlsFirst' | 'open', TestServer>,
    logged: string[],
  ) {
    this.grammar = new Grammar(new Random(seed), claimed(server.claims))
    this.server = server
    this.tlsFirst = tlsFirst
    this.open = open
    this.logged = logged
  }

  static async start(seed: number, nodes: number): Promise<Run> {
    const logged: string[] = []
    const log = keeping(logged)
    const accounts = ['alice', 'bob'].map(name => [`${name}@localhost`, 'secret'] as const)
    const limits = { 'bytes-per-second': false, 'stanzas-per-second': false, 'sessions-per-account': false }
    const certificates = await testCertificates()
    const server = await TestServer.start({ accounts, config: { limits }, certificates, log, nodes })
    const other = (tls: string) => ({ limits, listeners: { xmpp: { tls } } })
    const tlsFirst = await TestServer.start({ accounts, config: other('required'), certificates, log })
    const open = await TestServer.start({ accounts, config: other('off'), certificates, log, nodes })
    const run = new Run(seed, { server, tlsFirst, open }, logged)
    await run.renewAlice()
    run.bob = await run.newcomer('bob')
    return run
  }

  /** A batch of stanzas on one stream, and on streams of their own whatever may end one. */
  async round(): Promise<void> {
    const all = Array.from({ length: BATCH }, () => this.grammar.next(ADDRESSES))
    const together = all.filter(
      one => one.state === 'bound' && one.attributes.id?.startsWith('c') && !mustEnd(one, ADDRESSES),
    )
    for (const one of all) {
      this.cases++
      count(this.byState, one.state)
      if (!together.includes(one)) await this.alone(one)
    }
    await this.batch(together)
    for (const line of this.logged.splice(0))
      this.failures.push({ xml: 'a batch', why: `the server logged ${line}` })
  }

  /** What the heap holds after a collection, early in the run. */
  measure(): void {
    this.early ??= heap()
  }

  summary(): Summary {
    const late = heap()
    const growth = late - (this.early ?? late)
    if (growth > MOST_GROWTH)
      this.failures.push({ xml: 'all of them', why: `memory grew by ${growth} bytes` })
    const { cases, byState, verdicts, failures } = this
    return { cases, byState, verdicts, failures, growth }
  }

  async close(): Promise<void> {
    this.alice.drop()
    this.bob.drop()
    await this.server.close()
    await this.tlsFirst.close()
    await this.open.close()
  }

  private async batch(cases: readonly FuzzCase[]): Promise<void> {
    if (this.alice.isGone) await this.renewAlice()
    this.alice.send(cases.map(one => one.xml).join(''))
    await this.settle()
    const [mine, his] = [this.alice.inbox.splice(0), this.bob.inbox.splice(0)]
    const ended = streamErrorIn(mine)
    if (ended !== undefined || this.alice.isGone || !this.alice.isBound) {
      // One of them has ended the stream that must not: find it.
      await this.renewAlice()
      for (const one of cases) await this.alone(one)
      return
    }
    this.judgeAll(cases, mine, his)
  }

  /** A case that has its stream to itself, or at least the round trip. */
  private async alone(one: FuzzCase): Promise<void> {
    if (one.state !== 'bound') return this.negotiating(one)
    if (this.alice.isGone) await this.renewAlice()
    this.alice.send(one.xml)
    await this.settle()
    const [mine, his] = [this.alice.inbox.splice(0), this.bob.inbox.splice(0)]
    const ended = streamErrorIn(mine)
    if (ended === undefined) {
      if (mustEnd(one, ADDRESSES)) this.fail(one, 'the stream goes on')
      else if (!isNonza(one)) this.judgeAll([one], mine, his)
      return
    }
    await this.endsInOrder(one, ended, this.alice, mine, allowedStreamErrors(one, ADDRESSES))
    await this.renewAlice()
  }

  private async negotiating(one: FuzzCase): Promise<void> {
    const { state, namespace } = one
    const sasl2 = state === 'before sign-in' && namespace === NS.sasl2
    const server = state === 'before TLS' ? this.tlsFirst : sasl2 ? this.open : this.server
    const client = await this.inState(state, server.ports[0] as NodePorts)
    client.send(one.xml)
    if (isStartTls(one)) {
      // What follows <proceed/> is TLS; whoever does not go on with that has nothing more to see.
      const reply = await client.next('proceed or failure')
      count(this.verdicts, `${one.state}: ${reply?.kind === 'element' ? reply.element.name : 'nothing'}`)
      client.drop()
      return
    }
    // The stream ends now, or the client ends it: whatever the server had to say comes before that.
    client.send('</stream:stream>')
    await client.gone('the end').catch(error => this.fail(one, (error as Error).message))
    const ended = streamErrorIn(client.inbox)
    if (ended !== undefined)
      await this.endsInOrder(one, ended, client, client.inbox, allowedStreamErrors(one, ADDRESSES))
    else if (mustEnd(one, ADDRESSES)) this.fail(one, 'the stream goes on')
    else if (client.inbox.at(-1)?.kind !== 'close') this.fail(one, 'cut off without </stream:stream>')
    const answers = elements(client.inbox).filter(element => element.name === 'iq')
    if (isRegistration(one) && answers.length !== 1) this.fail(one, `${answers.length} answers`)
    for (const element of elements(client.inbox)) count(this.verdicts, `${one.state}: ${element.name}`)
    client.drop()
  }

  private async endsInOrder(
    one: FuzzCase,
    condition: string,
    client: Client,
    events: readonly XmlEvent[],
    allowed: readonly string[],
  ): Promise<void> {
    count(this.verdicts, `stream: ${condition}`)
    if (!allowed.includes(condition))
      this.fail(one, `stream error ${condition}, allowed: ${allowed.join(' ') || 'none'}`)
    if (events.at(-1)?.kind !== 'close') this.fail(one, 'no </stream:stream> after the error')
    client.line.end()
    await client.gone('the end')
  }

  private judgeAll(cases: readonly FuzzCase[], mine: readonly XmlEvent[], his: readonly XmlEvent[]): void {
    for (const one of cases) this.judge(one, comeOf(one, mine), comeOf(one, his))
    const [stray] = answersToNobody(cases, mine)
    if (stray !== undefined)
      this.fail(cases[0]!, `or one sent with it: an answer to nobody: ${printXml(stray)}`)
  }

  private judge(one: FuzzCase, mine: readonly XmlElement[], his: readonly XmlElement[]): void {
    // What reached bob was delivered, and what alice got from herself as she had sent it.
    const own = mine.filter(
      ({ attributes }) =>
        attributes.get('from') !== ADDRESSES.self || attributes.get('type') !== one.attributes.type,
    )
    const delivered = his.length + mine.length - own.length
    const verdicts = own.map(verdictOf)
    for (const verdict of verdicts) count(this.verdicts, verdict)
    const expected = expectation(one, ADDRESSES, this.server.claims)
    if (expected === undefined) {
      if (verdicts.length > 1) this.fail(one, `${verdicts.length} answers: ${verdicts.join(' ')}`)
      if (verdicts.includes('internal-server-error')) this.fail(one, 'internal-server-error')
    } else if (expected.delivered ? delivered !== 1 || own.length > 0 : delivered > 0)
      this.fail(one, `delivered ${delivered} times, answered by ${verdicts.join(' ') || 'nothing'}`)
    else if (
      verdicts.length !== Math.min(expected.answers.length, 1) ||
      !verdicts.every(one => expected.answers.includes(one))
    )
      this.fail(
        one,
        `answered by ${verdicts.join(' ') || 'nothing'}, expected ${expected.answers.join(' or ') || 'nothing'}`,
      )
  }

  private async settle(): Promise<void> {
    await this.alice.roundTrip()
    await this.server.settled()
    await Promise.all([this.alice.roundTrip(), this.bob.roundTrip()])
  }

  private async renewAlice(): Promise<void> {
    this.alice?.drop()
    this.alice = await this.newcomer('alice')
  }

  private async newcomer(name: string): Promise<Client> {
    // Always the same resource: a stream that was dropped is replaced if the server has not noticed yet.
    const spec: ClientSpec = {
      name,
      address: `${name}@localhost/1`,
      password: 'secret',
      over: 'tcp',
      others: [],
      tls: undefined,
      lang: undefined,
      admin: false,
    }
    const ports = this.server.ports.at(name === 'bob' ? -1 : 0) as NodePorts
    const client = await signIn(spec, ports)
    // Kept messages are handed over as they are acknowledged, if a case has enabled that; nothing comes to rest before.
    client.acknowledges = true
    client.send('<presence/>')
    await client.roundTrip()
    client.inbox.length = 0
    return client
  }

  private async inState(state: StreamState, ports: NodePorts): Promise<Client> {
    const client = await Client.connect(
      { name: state, over: 'tcp', tls: undefined, address: undefined },
      ports,
    )
    if (state !== 'no header') await openStream(client)
    if (state === 'before binding') await authenticateByPlain(client, 'alice@localhost', 'secret')
    return client
  }

  private fail(one: FuzzCase, why: string): void {
    this.failures.push({ xml: `${one.state}: ${one.xml}`, why })
  }
}
