import { connectControl, remoteAdministration } from './client.ts'
import type { Done, Request, Status } from './protocol.ts'
import { controlSocket } from './socket-path.ts'

/** Asks the server that runs on a data folder; undefined when none runs. */
export async function askServer(data: string, request: Request): Promise<Done | undefined> {
  const socket = await connectControl(controlSocket(data))
  if (socket === undefined) return undefined
  try {
    return await remoteAdministration(socket)(request, nothing(), async () => {})
  } finally {
    socket.destroy()
  }
}

/** What the server that runs on a data folder says of itself; undefined when none runs. */
export async function runningServer(data: string): Promise<Status | undefined> {
  return (await askServer(data, { op: 'status' }))?.status
}

async function* nothing(): AsyncGenerator<never> {}
