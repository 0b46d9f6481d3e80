import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Extension } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { ask } from '../support/ask.ts'
import { core } from '../support/core.ts'

const SOURCES = new URL('../../src/', import.meta.url)

/** The extension of docs/extending.md as it stands there, loaded from a folder of its own. */
async function greeting(folder: string): Promise<Extension> {
  const page = readFileSync(new URL('../docs/extending.md', SOURCES), 'utf8')
  const code = /```ts\n(.*?)```/s.exec(page)?.[1] ?? ''
  const file = join(folder, 'greeting.ts')
  writeFileSync(file, code.replaceAll("from '../", `from '${SOURCES.href}`))
  return (await import(file)).default as Extension
}

t.test('the extension of the page answers its request', async t => {
  const payload = xml('greeting', { xmlns: 'urn:example:greeting' })
  const answer = await ask(await greeting(t.testdir()), { place: 'server', payload, options: { text: 'Hi' } })
  t.equal(answer, '<greeting xmlns="urn:example:greeting">Hi</greeting>')
})

t.test('the extension of the page greets once, and is announced', async t => {
  const { session, routers } = core({ extensions: [await greeting(t.testdir())] })
  const alice = await session('alice', 'phone')
  await alice.send('presence', {})
  await alice.send('presence', {})
  const greetings = alice.received.filter(stanza => stanza.startsWith('<message'))
  t.same(greetings, [
    '<message to="alice@localhost/phone" from="localhost" type="headline"><body>Welcome!</body></message>',
  ])
  t.ok(routers[0]?.host('localhost')?.features('server').includes('urn:example:greeting'))
})

t.test('the extension that README shows is the one that runs', async t => {
  const read = (file: string): string => readFileSync(new URL(`../${file}`, SOURCES), 'utf8')
  const shown = /export default defineExtension.*?\n\}\)\n/s.exec(read('README.md'))?.[0]
  t.ok(shown && read('src/extensions/ping.ts').includes(shown))
})
