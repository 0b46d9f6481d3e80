import type { Clock } from '../core/clock.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Connection } from './connection.ts'

/** How clients are sent away. */
export interface Drain {
  /** Over how many seconds. Those that may come back to resume their sessions have as long again. */
  readonly seconds: number
  /** Where they are to go: a host or address, perhaps with a port (RFC 6120 §4.9.3.19). Default: where they find by themselves. */
  readonly to?: string | undefined
}

/** What a drain has come to. */
export interface Drained {
  /** Connections that there were. */
  readonly connections: number
  /** Sessions that nobody has resumed at another node in time. Their messages went the way of all whose session ends. */
  readonly forsaken: number
}

/**
 * Sends the peers of connections away, each at a moment of its own, by chance, within the time given: those who all come back to another node
 * at once would be a storm. Resolves when each has been told.
 */
export async function sendAway(
  connections: Iterable<Connection>,
  { seconds, to }: Drain,
  clock: Clock,
): Promise<void> {
  const error = to === undefined ? new StreamError('system-shutdown') : StreamError.seeOtherHost(to)
  const leaving = Array.from(connections, connection => {
    const { promise, resolve } = Promise.withResolvers<void>()
    clock.after(Math.random() * seconds * 1000, () => {
      leave(connection, error)
      resolve()
    })
    return promise
  })
  await Promise.all(leaving)
}

function leave(connection: Connection, error: StreamError): void {
  const { receiver } = connection
  if (receiver === undefined) connection.destroy()
  else if (receiver.leave === undefined) receiver.close(error)
  else receiver.leave(error)
}
