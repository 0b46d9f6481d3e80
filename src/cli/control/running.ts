import { connectControl, remoteAdministration } from './client.ts'
import type { Status } from './protocol.ts'
import { controlSocket } from './socket-path.ts'

/** What the server that runs on a data folder says of itself; undefined when none runs. */
export async function runningServer(data: string): Promise<Status | undefined> {
  const socket = await connectControl(controlSocket(data))
  if (socket === undefined) return undefined
  try {
    const ask = remoteAdministration(socket)
    return (await ask({ op: 'status' }, nothing(), async () => {})).status
  } finally {
    socket.destroy()
  }
}

async function* nothing(): AsyncGenerator<never> {}
