import type { Administration } from './control/administration.ts'
import { connectControl, remoteAdministration } from './control/client.ts'
import type { AnyLine, Done, News, Request } from './control/protocol.ts'
import { controlSocket } from './control/socket-path.ts'

/** What a command wants done. */
export interface Errand {
  readonly request: Request
  /** The lines of an import. */
  readonly lines?: AsyncIterable<AnyLine>
  readonly tell?: (news: News) => void
}

/** Has the running server do it, or does it in its storage when no server runs. `config` is the value of `--config`. */
export async function administer(config: string | undefined, errand: Errand): Promise<Done> {
  const { loadConfig, openOffline } = await import('../main.ts')
  const loaded = await loadConfig(config)
  const socket = await connectControl(controlSocket(loaded.data))
  if (socket !== undefined) {
    try {
      return await run(remoteAdministration(socket), errand)
    } finally {
      socket.destroy()
    }
  }
  const offline = await openOffline(loaded)
  try {
    return await run(offline.administration, errand)
  } finally {
    await offline.close()
  }
}

function run(administration: Administration, { request, lines, tell }: Errand): Promise<Done> {
  return administration(request, lines ?? none(), async news => tell?.(news))
}

async function* none(): AsyncGenerator<AnyLine> {}
