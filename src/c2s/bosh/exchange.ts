import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as the HTTP server got it. */
export interface BoshExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The client's address. */
  readonly address: string
  /** The origin by which the client knows this server: `https://chat.example`. */
  readonly origin: string
  /** The client has signed in: its connection counts no more among those of strangers. */
  readonly release: () => void
}
