import { connect, type Socket } from 'node:net'
import { TidingsError } from '../../core/errors.ts'
import type { Administration } from './administration.ts'
import { type AnyLine, type Frame, type News, readFrames, writeFrame } from './protocol.ts'
import { socketAddress } from './socket-path.ts'

/** Lines of an import that go in one frame. */
const BATCH = 100

/** What a piece of news is known by. */
const NEWS = ['accounts', 'imported', 'refused', 'invitations', 'devices', 'progress', 'notice']

/** Opens the control socket; undefined when no server listens there. Throws a TidingsError when it may not. */
export async function connectControl(path: string): Promise<Socket | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket | undefined>()
  const socket = connect(socketAddress(path))
  socket.once('connect', () => resolve(socket))
  socket.once('error', (cause: NodeJS.ErrnoException) => {
    // No socket, or one that nobody listens at any more.
    if (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED') return resolve(undefined)
    const hint = cause.code === 'EACCES' ? ': run this as the user that the server runs as' : ''
    reject(
      new TidingsError(
        'TIDINGS_CONTROL_SOCKET',
        `the control socket ${path} cannot be opened (${cause.code})${hint}`,
        {
          cause,
        },
      ),
    )
  })
  return promise
}

/** Administration of the server at the other end of the socket; one request. */
export function remoteAdministration(socket: Socket): Administration {
  return async (request, lines, tell) => {
    await writeFrame(socket, request)
    const sent = request.op.endsWith('.import') ? sendLines(socket, lines) : Promise.resolve()
    // When the answer comes first (an error), nobody waits for the lines.
    sent.catch(error => socket.destroy(error))
    for await (const frame of answers(socket)) {
      if ('done' in frame) {
        await sent
        return frame.done
      }
      if ('error' in frame) throw new TidingsError(frame.error.code, frame.error.text)
      if (isNews(frame)) await tell(frame)
    }
    throw gone()
  }
}

async function* answers(socket: Socket): AsyncGenerator<Frame> {
  try {
    yield* readFrames(socket)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw code === 'ECONNRESET' || code === 'EPIPE' ? gone(cause) : cause
  }
}

function gone(cause?: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_CONTROL_GONE',
    'the server stopped before it had answered: look at what it did, then try again',
    { cause },
  )
}

async function sendLines(socket: Socket, lines: AsyncIterable<AnyLine>): Promise<void> {
  let entries: AnyLine[] = []
  for await (const line of lines) {
    if (socket.destroyed) return
    entries.push(line)
    if (entries.length < BATCH) continue
    await writeFrame(socket, { entries })
    entries = []
  }
  await writeFrame(socket, { entries })
  await writeFrame(socket, { end: true })
}

function isNews(frame: Frame): frame is News {
  return NEWS.some(name => name in frame)
}
