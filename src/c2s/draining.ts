import type { Clock } from '../core/clock.ts'
import type { Drain } from '../core/drain.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Connection } from './connection.ts'

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
