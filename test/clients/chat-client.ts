/** What the tests want of a client, whoever wrote it. */

/** How to reach the server and who one is. */
export interface SignIn {
  readonly address: string
  readonly password: string
  readonly resource: string
  readonly port: number
  /** Where the server takes WebSockets, for clients that use them. */
  readonly webSocket: string
  /** TLS from the first byte, else STARTTLS. */
  readonly direct: boolean
  /** PEM file of the certificate to trust, and no other. */
  readonly trusted: string
  /** It has been away: a client that is not handed what came meanwhile (XEP-0386 §3.2) fetches it. */
  readonly missed?: boolean
}

/** A message with a body as its recipient sees it. */
export interface ReceivedMessage {
  readonly from: string
  readonly body: string
  /** When it came to the server, if that kept it: the stamp of XEP-0203. */
  readonly delayed: string | undefined
}

/** A client that has signed in and sent presence. */
export interface ChatClient {
  readonly jid: string
  /** It has signed in, bound its resource and enabled stream management in one go: XEP-0388, XEP-0386. */
  readonly inOneGo?: boolean
  send(to: string, body: string): void
  /** The next message, in the order they came; rejects when the client is gone or nothing comes for ten seconds. */
  next(): Promise<ReceivedMessage>
  /** What came that nobody asked for. */
  readonly unread: readonly ReceivedMessage[]
  /** Waits until the server has handled all that was sent, and all that it sent before is here. */
  settle(): Promise<void>
  /** How the server ended the stream: the condition of its error, or `closed`. */
  readonly ended: Promise<string>
  close(): Promise<void>
}

/** A sign-in that failed: a condition of SASL, or `certificate`. */
export class SignInFailed extends Error {
  readonly condition: string

  constructor(condition: string, detail?: string) {
    super(detail === undefined ? condition : `${condition}: ${detail}`)
    this.name = 'SignInFailed'
    this.condition = condition
  }
}

/** One real client. */
export interface ClientKind {
  readonly name: string
  /** It uses WebSockets without TLS here, so there is no certificate to refuse. */
  readonly plain?: boolean
  /** Signs in and sends presence. Rejects with SignInFailed. */
  connect(options: SignIn): Promise<ChatClient>
}

/** Messages as they come, and those who wait for them. */
export class Inbox {
  readonly unread: ReceivedMessage[] = []
  private waiting: ((message: ReceivedMessage) => void) | undefined

  push(message: ReceivedMessage): void {
    const waiting = this.waiting
    this.waiting = undefined
    if (waiting === undefined) this.unread.push(message)
    else waiting(message)
  }

  next(): Promise<ReceivedMessage> {
    const first = this.unread.shift()
    if (first !== undefined) return Promise.resolve(first)
    return within(new Promise<ReceivedMessage>(resolve => (this.waiting = resolve)), 'a message')
  }
}

/** How long a client waits for anything, in ms. */
export const PATIENCE = 10_000

/** A guard, never waited for when all is well. */
export async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`waited 10 s for ${what}`)), PATIENCE)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
