import type { ServerResponse } from 'node:http'
import { type Condition, printError } from './answer.ts'

/** XEP-0124 §7.1: unless the client wants another. */
const CONTENT_TYPE = 'text/xml; charset=utf-8'

/** An HTTP request that waits for its answer. */
export class Reply {
  readonly #response: ServerResponse
  /** Called once if the client goes away before it has the answer. */
  lost: (() => void) | undefined

  constructor(response: ServerResponse) {
    this.#response = response
    response.once('close', () => {
      if (!response.writableEnded) this.lost?.()
    })
  }

  /** Whether an answer would still be sent. */
  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed
  }

  send(body: Buffer, type = CONTENT_TYPE, status = 200): void {
    if (!this.open) return
    this.#response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body)
  }

  /** Says that a session is over, or that there is none. */
  refuse(condition: Condition, legacy = false, type?: string): void {
    const { status, body } = printError(condition, legacy)
    this.send(body, type, status)
  }
}
