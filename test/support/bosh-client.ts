import { NS } from '../../src/xml/ns.ts'
import { ask, type HttpResponse } from './http.ts'

/** What an answer holds. */
export interface BoshAnswer extends HttpResponse {
  /** Attributes of the body, by name. */
  readonly attributes: Readonly<Record<string, string>>
  /** What is inside of it. */
  readonly payload: string
}

/** How to connect. */
export interface BoshClientOptions {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Attributes of the request for a session, over `to`, `ver`, `wait` and `hold`; undefined leaves one out. */
  readonly opening?: Attributes
}

/** Attributes of a body; what is undefined is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** A client that counts its requests and knows no more. */
export class BoshClient {
  readonly options: BoshClientOptions
  /** The id of the last request. */
  rid: number
  sid: string | undefined

  constructor(options: BoshClientOptions) {
    this.options = options
    this.rid = Math.floor(Math.random() * 2 ** 40)
  }

  /** Asks for a session. */
  async open(opening = this.options.opening): Promise<BoshAnswer> {
    const attributes = { to: 'localhost', ver: '1.11', wait: 60, hold: 1, 'xml:lang': 'en', ...opening }
    const answer = await this.post({ rid: this.rid, ...attributes })
    this.sid = answer.attributes.sid
    return answer
  }

  /** Sends the next request. */
  send(payload = '', attributes: Attributes = {}): Promise<BoshAnswer> {
    return this.post({ rid: ++this.rid, sid: this.sid, ...attributes }, payload)
  }

  /** Sends a request again. */
  repeat(rid = this.rid, attributes: Attributes = {}): Promise<BoshAnswer> {
    return this.post({ rid, sid: this.sid, ...attributes })
  }

  /**
   * Sends a request, and again: the server answers one of them when it has both, so `there` resolves when it holds the request, or
   * has answered it.
   */
  twice(
    payload = '',
    attributes: Attributes = {},
  ): { there: Promise<BoshAnswer>; answer: Promise<BoshAnswer> } {
    const rid = ++this.rid
    const sent = [1, 2].map(() => this.post({ rid, sid: this.sid, ...attributes }, payload))
    const answers = sent.map(async one => {
      const answer = await one
      if (answer.attributes.type === 'error') throw new Error('repeated')
      return answer
    })
    // Who repeats it once more gets the answer; both are told of an error then.
    const answer = Promise.any(answers).catch(() => sent[0]!)
    return { there: Promise.race(sent), answer }
  }

  /** Sends a request that will be held; resolves once it is, with its answer to wait for. */
  async held(payload = '', attributes: Attributes = {}): Promise<{ answer: Promise<BoshAnswer> }> {
    const { there, answer } = this.twice(payload, attributes)
    const first = await there
    if (first.attributes.type !== 'error') throw new Error(`not held: ${first.body}`)
    return { answer }
  }

  /** Signs in by PLAIN and binds a resource; resolves with the answer to that. */
  async signIn(user: string, password = 'secret', resource = 'bosh'): Promise<BoshAnswer> {
    await this.open()
    const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
    await this.send(`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>${plain}</auth>`)
    await this.send('', RESTART)
    return this.send(
      `<iq xmlns='${NS.client}' type='set' id='b'><bind xmlns='${NS.bind}'><resource>${resource}</resource></bind></iq>`,
    )
  }

  /** Ends the session; harmless where there is none any more. */
  async leave(): Promise<void> {
    if (this.sid !== undefined) await this.send('', { type: 'terminate' }).catch(() => {})
  }

  async post(attributes: Attributes, payload = ''): Promise<BoshAnswer> {
    const text = Object.entries(attributes)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}='${value}'`)
      .join('')
    return this.raw(`<body xmlns='${NS.httpBind}'${text}>${payload}</body>`)
  }

  async raw(body: string | Buffer): Promise<BoshAnswer> {
    const { url, headers = {} } = this.options
    const response = await ask(url, { method: 'POST', headers, body })
    const [, tag = '', payload = ''] = /^<body([^>]*?)(?:\/>|>(.*)<\/body>)$/s.exec(response.body) ?? []
    const found = [...tag.matchAll(/([\w:]+)='([^']*)'/g)].map(([, name, value]) => [name, value])
    return { ...response, attributes: Object.fromEntries(found), payload }
  }
}

/** XEP-0206 §5 */
export const RESTART: Attributes = {
  'xmlns:xmpp': NS.xbosh,
  'xmpp:restart': 'true',
  to: 'localhost',
}
