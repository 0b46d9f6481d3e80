import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { TidingsError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { codeAndText } from '../failure.ts'
import type { Administration } from './administration.ts'
import { connectControl } from './client.ts'
import { type AnyLine, type Frame, type Request, readFrames, writeFrame } from './protocol.ts'
import { socketAddress } from './socket-path.ts'

/** The server's end of the control socket: takes requests of whoever may open it, which is the server's own user. */
export class ControlServer {
  readonly #server: Server
  readonly #administration: Administration
  readonly #log: Log
  /** Requests that are being worked on. */
  readonly #working = new Map<Socket, Promise<void>>()

  private constructor(administration: Administration, log: Log) {
    this.#administration = administration
    this.#log = log
    // A client that has said all may still listen.
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#take(socket))
  }

  /** Listens at `path`. A socket that a crash has left behind is replaced. Throws a TidingsError if another server listens there. */
  static async open(path: string, administration: Administration, log: Log): Promise<ControlServer> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const other = await connectControl(path)
    if (other !== undefined) {
      other.destroy()
      throw new TidingsError(
        'TIDINGS_ALREADY_RUNNING',
        `another server answers at ${path}: stop it first, or set another "data"`,
      )
    }
    await rm(path, { force: true })
    const control = new ControlServer(administration, log)
    await control.#listen(path)
    return control
  }

  /** Takes no more requests, drops those being worked on, and resolves when their work has ended. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const socket of this.#working.keys()) socket.destroy()
    await Promise.all([closed, ...this.#working.values()])
  }

  async #listen(path: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // The socket exists from here on, so it must be ours alone from here on. Binding is synchronous.
    const umask = process.umask(0o177)
    try {
      this.#server.once('error', reject).listen(socketAddress(path), resolve)
    } finally {
      process.umask(umask)
    }
    await promise
    await chmod(path, 0o600)
  }

  #take(socket: Socket): void {
    // Whoever asked has gone; the work that it asked for finds out by itself.
    socket.on('error', () => {})
    const work = this.#answer(socket).finally(() => {
      this.#working.delete(socket)
      socket.end()
    })
    this.#working.set(socket, work)
  }

  /** Carries out the one request of a connection. Never rejects. */
  async #answer(socket: Socket): Promise<void> {
    const frames = readFrames(socket)
    const tell = (frame: Frame): Promise<void> => writeFrame(socket, frame)
    try {
      const first = await frames.next()
      if (first.done) return
      await tell({ done: await this.#administration(first.value as Request, importLines(frames), tell) })
    } catch (error) {
      if (socket.destroyed) return
      const failure = codeAndText(error)
      if (failure === undefined)
        this.#log.error(
          { code: 'TIDINGS_CONTROL_FAILED', err: error },
          'a request of the control socket failed',
        )
      const unexpected = { code: 'TIDINGS_UNEXPECTED', text: 'the server failed at this; its log says more' }
      await tell({ error: failure ?? unexpected })
    }
  }
}

/** The lines that follow a request. Throws when the client goes before it has said that it is done. */
async function* importLines(frames: AsyncGenerator<Frame>): AsyncGenerator<AnyLine> {
  for await (const frame of frames) {
    if ('end' in frame) return
    if ('entries' in frame) yield* frame.entries
  }
  throw new TidingsError('TIDINGS_CONTROL_GONE', 'whoever asked went away before all was said')
}
