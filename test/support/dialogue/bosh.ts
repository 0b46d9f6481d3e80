import { type Attributes, type BoshAnswer, BoshClient, RESTART } from '../bosh-client.ts'
import { elementsOf, type Ports, type Receiver, type Transport, unsupported } from './transport.ts'
import { parseXml, ROOT_SCOPE } from './xml.ts'

/** Requests at a time: XEP-0124 §7.1. */
const REQUESTS = 2

/** XEP-0124: a stream over HTTP, with a request for what comes whenever there is none. */
export class BoshTransport implements Transport {
  private readonly client: BoshClient
  private readonly receiver: Receiver
  /** Requests to be sent. */
  private readonly waiting: { payload: string; attributes?: Attributes }[] = []
  private unanswered = 0
  /** XEP-0124 §14.2: answers are looked at in the order of their requests. */
  private answers: Promise<unknown> = Promise.resolve()
  /** Resolves when the last request that only asks has reached the server. */
  private polled: Promise<unknown> = Promise.resolve()
  private over = false

  constructor(ports: Ports, receiver: Receiver) {
    this.client = new BoshClient({ url: `http://127.0.0.1:${ports.http}/bosh` })
    this.receiver = receiver
  }

  send(text: string): void {
    for (const element of elementsOf(text))
      if (element === '</stream:stream>') this.close()
      else this.waiting.push({ payload: element })
    this.flush()
  }

  sendBytes(): Promise<void> {
    return unsupported('bytes over BOSH')
  }

  open(domain: string, lang: string | undefined): void {
    const language = lang === undefined ? {} : { 'xml:lang': lang }
    if (this.client.sid === undefined)
      this.track(this.client.open({ to: domain, 'xml:lang': undefined, ...language }))
    else this.waiting.push({ payload: '', attributes: { ...RESTART, to: domain, ...language } })
    this.flush()
  }

  close(): void {
    this.waiting.push({ payload: '', attributes: { type: 'terminate' } })
    this.flush()
  }

  end(): void {}

  /** The server could not see a connection that is cut; an error of the protocol ends the session likewise. */
  drop(): void {
    if (this.over || this.client.sid === undefined) return
    this.over = true
    const beyond = this.client.repeat(this.client.rid + 100)
    void beyond.catch(() => {}).finally(() => this.receiver.closed())
  }

  async ready(): Promise<void> {
    let last: unknown
    while (last !== this.polled) {
      last = this.polled
      await last
    }
  }

  startTls(): Promise<void> {
    return unsupported('STARTTLS over BOSH')
  }

  private flush(): void {
    while (!this.over && this.unanswered < REQUESTS && this.client.sid !== undefined) {
      const next = this.waiting.shift()
      if (next !== undefined) this.track(this.client.send(next.payload, next.attributes))
      else if (this.unanswered === 0) {
        const { there, answer } = this.client.twice()
        this.polled = there.catch(() => undefined)
        this.track(answer)
      } else return
    }
  }

  private track(sent: Promise<BoshAnswer>): void {
    this.unanswered++
    this.answers = Promise.all([sent, this.answers]).then(
      ([answer]) => this.take(answer),
      () => this.finish(),
    )
  }

  private take({ body, attributes }: BoshAnswer): void {
    this.unanswered--
    if (this.over) return
    try {
      const [event] = parseXml(body, ROOT_SCOPE)
      if (event?.kind !== 'element') throw new Error(`no body: ${body}`)
      for (const child of event.element.children) {
        if (typeof child === 'string') throw new Error(`text in a body: ${child}`)
        // XEP-0206 §4: they come where a stream begins.
        if (child.name === 'features') this.receiver.received({ kind: 'open', element: event.element })
        this.receiver.received({ kind: 'element', element: child })
      }
    } catch (error) {
      this.receiver.failed(error as Error)
    }
    if (attributes.type !== 'terminate') return void this.flush()
    this.receiver.received({ kind: 'close' })
    this.finish()
  }

  private finish(): void {
    this.over = true
    this.receiver.closed()
  }
}
