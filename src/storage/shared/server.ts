/** The storage process: has an engine, and serves it to clients over a unix socket. */
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Engine } from '../engine.ts'
import { type Ephemeral, StorageError } from '../types.ts'
import { answers } from './calls.ts'
import { type Served, StoragePort } from './port.ts'

/** What a storage process has. */
export interface StorageServerParts {
  readonly engine: Engine
  readonly ephemeral: Ephemeral
  /** A client has come. */
  readonly onClient?: (port: StoragePort) => void
}

/** Serves an engine. Whoever may open the socket may do everything: it belongs to the user who runs the server. */
export class StorageServer {
  readonly #server: Server
  readonly #ports = new Set<StoragePort>()

  private constructor(parts: StorageServerParts) {
    const { engine, ephemeral } = parts
    const served = { engine, ephemeral, answers: answers(engine, ephemeral) }
    this.#server = createServer(socket => this.#accept(socket, served, parts.onClient))
  }

  /** Listens at this path; what is left there of a process that has died goes. Rejects as `unavailable`. */
  static async open(path: string, parts: StorageServerParts): Promise<StorageServer> {
    const server = new StorageServer(parts)
    try {
      await rm(path, { force: true })
      await server.#listen(path)
      await chmod(path, 0o600)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new StorageError('unavailable', `no socket can be made at ${path} (${code})`, { cause })
    }
    return server
  }

  /** Ends the connections; the engine stays. Answers that are not there yet are not given any more. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const port of this.#ports) port.end()
    await closed
  }

  #accept(socket: Socket, served: Served, onClient: StorageServerParts['onClient']): void {
    const port = new StoragePort(socket, served)
    this.#ports.add(port)
    void port.gone.then(() => this.#ports.delete(port))
    onClient?.(port)
  }

  #listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => resolve())
    })
  }
}
