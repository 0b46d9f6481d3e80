/** `tidings export` and `tidings import`, with a server that runs and without one. */
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Progress } from '../../src/cli/progress.ts'
import type { RawClient } from '../support/raw-client.ts'
import { signedIn } from '../support/signed-in.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

t.test('users, their messages and the ids of these come along', async t => {
  const { config, folder } = await configured(t)
  const server = await serve(t, config)
  for (const user of ['alice', 'bob'])
    await tidings(['user', 'add', `${user}@localhost`, '--password', `of ${user}`, '--config', config])
  const alice = await signedIn(t, server.port, 'alice', 'of alice')
  alice.send("<message to='bob@localhost' type='chat' id='m1'><body>see you elsewhere</body></message>")
  const before = await history(alice, 'h1')
  t.match(before, /see you elsewhere/)
  const to = join(folder, 'users')
  t.match(await tidings(['export', to, '--config', config]), {
    code: 0,
    out: `2 users exported: ${to}\n`,
    err: '',
  })
  t.equal((await stat(to)).mode & 0o777, 0o700)
  t.match(await tidings(['export', to, '--config', config]), { code: 1, err: /\[TIDINGS_EXPORT_TARGET\]\n$/ })
  server.child.kill('SIGTERM')
  await server.ended

  const other = await configured(t)
  const moved = await tidings(['import', to, '--config', other.config])
  t.match(moved, { code: 0, out: '2 users imported.\n', err: '' })
  const second = await serve(t, other.config)
  t.match(await tidings(['import', to, '--config', other.config]), {
    code: 0,
    out: '0 users imported, 2 have accounts already.\n',
  })
  const again = await signedIn(t, second.port, 'alice', 'of alice')
  t.equal(idOf(await history(again, 'h2')), idOf(before), 'the same id')
  again.send(`<iq type='set' id='after'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>
    <field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field var='ids'><value>${idOf(before)}</value></field>
    </x></query></iq>`)
  const [known] = await again.expect(/.*<iq [^>]*id="after".*<\/iq>/s)
  t.match(known, /see you elsewhere/, 'and it is known')
})

t.test('into a server that runs, from a file of another one', async t => {
  const { config, folder } = await configured(t)
  const server = await serve(t, config)
  const file = join(folder, 'other.xml')
  await writeFile(
    file,
    `<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'><user name='carol' password='secret'>
      <query xmlns='jabber:iq:roster'><item jid='bob@localhost' name='Bob' subscription='none'/></query><x xmlns='urn:x'/>
    </user></host><host jid='elsewhere.example'><user name='dave'/></host></server-data>`,
  )
  const { code, out, err } = await tidings(['import', file, '--config', config])
  t.strictSame([code, out], [0, '1 users imported.\n'])
  t.match(err, /elsewhere\.example is not served here/)
  t.match(err, /<x xmlns="urn:x"\/> was left out \(1\)/)
  const carol = await signedIn(t, server.port, 'carol', 'secret')
  carol.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
  const [roster] = await carol.expect(/<iq [^>]*id="r".*<\/iq>/s)
  t.match(roster, /<item jid="bob@localhost" name="Bob"/)
  await rm(file)
  t.match(await tidings(['import', file, '--config', config]), {
    code: 1,
    err: /ENOENT.*\[TIDINGS_IMPORT_FILE\]\n$/,
  })
})

t.test('progress is drawn where somebody looks on', async t => {
  let text = ''
  const terminal = {
    out() {},
    err: (more: string) => {
      text += more
    },
    input: process.stdin,
    live: true,
  }
  const progress = new Progress(terminal)
  progress.bar(1, 4, 'users')
  progress.bar(2, undefined, 'users')
  progress.end()
  t.equal(text, `\r[${'#'.repeat(7)}${'.'.repeat(23)}] 1 of 4 users \r2 users \n`)
})

/** What the archive answers. */
async function history(client: RawClient, id: string): Promise<string> {
  client.send(`<iq type='set' id='${id}'><query xmlns='urn:xmpp:mam:2'/></iq>`)
  const [text] = await client.expect(new RegExp(`.*<iq [^>]*id="${id}".*</iq>`, 's'))
  return text
}

function idOf(text: string): string {
  return /<result [^>]*id="([^"]+)"/.exec(text)?.[1] ?? ''
}
