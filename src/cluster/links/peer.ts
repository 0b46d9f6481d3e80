import type { Socket } from 'node:net'
import type { Answer, Frame } from '../types.ts'
import { type Inbox, Incoming } from './incoming.ts'
import type { Outgoing } from './outgoing.ts'

/** Who takes the frames of other nodes. */
export interface PeerHandler {
  handle(frame: Frame, from: string): Answer | Promise<Answer>
  /** A frame could not be handled: a fault of ours. */
  failed(from: string, op: string, trouble: unknown): void
}

/** Another node: what goes to it and what comes from it. */
export class Peer implements Inbox {
  taken = 0
  readonly outgoing: Outgoing
  readonly #node: string
  readonly #handler: PeerHandler
  #incoming: Incoming | undefined
  /** Requests of it that have not been answered. */
  #open = 0

  constructor(node: string, outgoing: Outgoing, handler: PeerHandler) {
    this.#node = node
    this.outgoing = outgoing
    this.#handler = handler
  }

  /** Whether anything is on its way to or from it. */
  get busy(): boolean {
    return this.#open > 0 || this.outgoing.busy
  }

  /** Whether it has taken all that was sent to it. */
  get clear(): boolean {
    return this.outgoing.clear
  }

  /** Calls `task` once when something may have changed about that. */
  onProgress(task: () => void): void {
    this.outgoing.onProgress(task)
  }

  /** It has made a connection: nothing comes over the one before any more. */
  receive(socket: Socket): Incoming {
    this.#incoming?.close()
    this.#incoming = new Incoming(socket, this)
    return this.#incoming
  }

  request(frame: Frame, number: number): void {
    this.#open++
    let answer: Answer | Promise<Answer>
    try {
      answer = this.#handler.handle(frame, this.#node)
    } catch (trouble) {
      this.#fail(frame, number, trouble)
      return
    }
    if (answer instanceof Promise)
      answer.then(
        given => this.#answer(frame, number, given),
        trouble => this.#fail(frame, number, trouble),
      )
    else this.#answer(frame, number, answer)
  }

  notify(frame: Frame): void {
    const failed = (trouble: unknown): void => this.#handler.failed(this.#node, frame.op, trouble)
    try {
      const done = this.#handler.handle(frame, this.#node)
      if (done instanceof Promise) done.catch(failed)
    } catch (trouble) {
      failed(trouble)
    }
  }

  answered(number: number, answer: Answer | undefined): void {
    this.outgoing.answered(number, answer)
  }

  /** It has gone. */
  end(): void {
    this.#incoming?.close()
    this.outgoing.end()
  }

  #answer(frame: Frame, number: number, answer: Answer): void {
    try {
      this.outgoing.answer(number, answer)
      this.#open--
    } catch (trouble) {
      // It is too large, or there is something in it that no frame can hold.
      this.#fail(frame, number, trouble)
    }
  }

  #fail(frame: Frame, number: number, trouble: unknown): void {
    this.#open--
    this.#handler.failed(this.#node, frame.op, trouble)
    this.outgoing.answer(number)
  }
}
