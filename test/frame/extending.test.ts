import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Extension } from '../../src/core/extension.ts'
import commands from '../../src/extensions/commands/index.ts'
import disco from '../../src/extensions/disco.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { ask } from '../support/ask.ts'
import { core } from '../support/core.ts'

const SOURCES = new URL('../../src/', import.meta.url)

/** An extension of docs/extending.md as it stands there, loaded from a folder of its own. */
async function shown(name: string, folder: string): Promise<Extension> {
  const page = readFileSync(new URL('../docs/extending.md', SOURCES), 'utf8')
  const codes = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code)
  const code = codes.find(code => code.includes(`name: '${name}'`)) ?? ''
  const file = join(folder, `${name}.ts`)
  const whole = code.replaceAll("from '../", `from '${SOURCES.href}`)
  writeFileSync(file, whole.replaceAll("from './", `from '${SOURCES.href}extensions/`))
  return (await import(file)).default as Extension
}

const greeting = (folder: string): Promise<Extension> => shown('greeting', folder)

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

t.test('the command of the page takes an order', async t => {
  const pizza = await shown('pizza', t.testdir())
  const { session, settled } = core({ extensions: [disco, commands, pizza] })
  const alice = await session('alice', 'phone')
  const step = async (sessionid?: string, values: Record<string, string> = {}): Promise<string> => {
    const fields = Object.entries(values).map(([name, value]) =>
      xml('field', { var: name }, xml('value', {}, value)),
    )
    const form = xml('x', { xmlns: NS.forms, type: 'submit' }, fields)
    const command = xml('command', { xmlns: NS.commands, node: 'urn:example:pizza', sessionid }, form)
    await alice.send('iq', { type: 'set', id: '1', to: 'localhost' }, command)
    await settled()
    return alice.received.at(-1) ?? ''
  }
  const [, id] = /sessionid="(.*?)"/.exec(await step()) ?? []
  t.match(await step(id, { which: 'hawaii' }), /<bad-payload/)
  t.match(await step(id, { which: 'funghi' }), /<actions execute="complete"><prev\/><complete\/><\/actions>/)
  t.match(await step(id, { street: 'Main Street' }), /without a number nobody finds you.*<bad-payload/)
  const answer = await step(id, { street: 'Main Street 1' })
  t.match(answer, /status="completed".*<note type="info">One funghi to Main Street 1<\/note>/)
})

t.test('the extension that README shows is the one that runs', async t => {
  const read = (file: string): string => readFileSync(new URL(`../${file}`, SOURCES), 'utf8')
  const text = /export default defineExtension.*?\n\}\)\n/s.exec(read('README.md'))?.[0]
  t.ok(text && read('src/extensions/ping.ts').includes(text))
})
