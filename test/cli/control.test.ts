/** The control socket: framing, wrong requests, peers that go. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { administration } from '../../src/cli/control/administration.ts'
import { connectControl, remoteAdministration } from '../../src/cli/control/client.ts'
import type { InvitationAdministration } from '../../src/cli/control/invitations.ts'
import type { KeyAdministration } from '../../src/cli/control/keys.ts'
import { type ImportLine, type News, readFrames, writeFrame } from '../../src/cli/control/protocol.ts'
import { ControlServer } from '../../src/cli/control/server.ts'
import { controlSocket, socketAddress } from '../../src/cli/control/socket-path.ts'
import { silentLog } from '../../src/core/log.ts'
import { memoryStorage } from '../../src/storage/memory.ts'

async function control(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-control-'))
  const path = controlSocket(folder)
  const storage = memoryStorage({ clock: Date })
  const accounts = new Accounts(storage, { iterations: 1 })
  const forget = async () => {}
  const invitations = {} as InvitationAdministration
  const keys = {} as KeyAdministration
  const server = await ControlServer.open(
    path,
    administration({
      accounts,
      hosts: ['localhost'],
      forget,
      invitations,
      keys,
      addContacts: async () => {},
    }),
    silentLog,
  )
  t.teardown(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })
  return { path, server, accounts }
}

async function* lines(count: number): AsyncGenerator<ImportLine> {
  for (let line = 1; line <= count; line++) yield { line, jid: `user${line}@localhost`, password: 'x' }
}

const quiet = async () => {}

t.test('frames may be cut anywhere', async t => {
  const text = '{"end":true}\n{"imported":3}\n'
  const read = async (pieces: string[]) => {
    const frames: object[] = []
    const source = Readable.from(
      pieces.map(piece => Buffer.from(piece)),
      { objectMode: false },
    )
    for await (const frame of readFrames(source)) frames.push(frame)
    return frames
  }
  t.strictSame(await read([text]), [{ end: true }, { imported: 3 }])
  t.strictSame(await read([...text]), [{ end: true }, { imported: 3 }])
  for (const wrong of ['x\n', '3\n', 'null\n', '"a"\n'])
    await t.rejects(read([wrong]), { code: 'TIDINGS_CONTROL_PROTOCOL' }, JSON.stringify(wrong))
  await t.rejects(read(['"'.padEnd(5_000_000, 'a')]), { message: /^a line is too long/ })
})

t.test('writing waits for room, and not for one that is gone', async t => {
  const full = new PassThrough({ highWaterMark: 1 })
  const written = writeFrame(full, { imported: 1 })
  full.resume()
  await written
  const gone = new PassThrough({ highWaterMark: 1 })
  const waiting = writeFrame(gone, { imported: 1 })
  gone.destroy()
  await waiting
  await writeFrame(gone, { imported: 2 })
  t.pass('nobody waits for ever')
})

t.test('an import over the socket, with progress', async t => {
  const { path, accounts } = await control(t)
  const socket = (await connectControl(path))!
  const news: News[] = []
  const done = await remoteAdministration(socket)(
    { op: 'user.import' },
    lines(250),
    async one => void news.push(one),
  )
  t.strictSame(done, { created: 250, refused: 0 })
  t.strictSame(
    news,
    [50, 100, 150, 200, 250].map(imported => ({ imported })),
  )
  t.equal((await accounts.list('localhost', undefined, 1000)).length, 250)
})

t.test('a request that nobody knows', async t => {
  const { path } = await control(t)
  const socket = (await connectControl(path))!
  await t.rejects(remoteAdministration(socket)({ op: 'user.fly' } as never, lines(0), quiet), {
    code: 'TIDINGS_CONTROL_PROTOCOL',
    message: /does not know "user\.fly"/,
  })
})

t.test('what is no request gets an error, and no password comes back', async t => {
  const { path } = await control(t)
  const socket = connect(path)
  socket.end('{"op":"user.add","password":"hunter2"\n')
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^\{"error":\{"code":"TIDINGS_CONTROL_PROTOCOL"/)
  t.notMatch(String(answer), /hunter2/)
})

t.test('a client that goes in the middle of an import', async t => {
  const { path, server, accounts } = await control(t)
  const socket = (await connectControl(path))!
  socket.write('{"op":"user.import"}\n{"entries":[{"line":1,"jid":"a@localhost","password":"x"}]}\n')
  socket.end()
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /TIDINGS_CONTROL_GONE/)
  await server.close()
  t.ok((await accounts.list('localhost')).length <= 1)
})

t.test('a server that stops in the middle of an import', async t => {
  const { path, server } = await control(t)
  const socket = (await connectControl(path))!
  const started = Promise.withResolvers<void>()
  const endless = (async function* () {
    yield* lines(200)
    started.resolve()
    await new Promise(() => {})
  })()
  const work = remoteAdministration(socket)({ op: 'user.import' }, endless, quiet)
  await started.promise
  await server.close()
  await t.rejects(work, { code: 'TIDINGS_CONTROL_GONE' })
})

t.test('nobody listens', async t => {
  t.equal(await connectControl('/nowhere/control.sock'), undefined)
  const { path, server } = await control(t)
  await server.close()
  t.equal(await connectControl(path), undefined)
})

t.test('paths that are too long for a socket', async t => {
  const long = join(process.cwd(), 'x'.repeat(100 - process.cwd().length), 'control.sock')
  t.equal(socketAddress('/short/control.sock'), '/short/control.sock')
  t.equal(socketAddress(long), long.length > 107 ? long.slice(process.cwd().length + 1) : long)
  t.throws(() => socketAddress(`/${'x'.repeat(200)}/control.sock`), { code: 'TIDINGS_CONTROL_PATH' })
})
