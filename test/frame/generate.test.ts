import t from 'tap'
import { locatedExtensions } from '../../scripts/extensions.ts'
import { generated, stale } from '../../scripts/generate.ts'

t.test('the same code gives the same files', async t => {
  t.same(generated(), generated())
})

t.test('a file that differs or is not there is stale', async t => {
  const files = new Map([
    ['a', 'one'],
    ['b', 'two'],
    ['c', 'three'],
  ])
  const disk: Record<string, string> = { a: 'one', b: 'changed' }
  t.same(
    stale(files, path => disk[path]),
    ['b', 'c'],
  )
})

t.test('every claim of an extension is in the DOAP file and in the index', async t => {
  const files = generated()
  const doap = files.get('docs/doap.xml')?.replace(/>\s+</g, '><') ?? ''
  const claims = locatedExtensions().flatMap(({ extension }) => extension.xeps ?? [])
  t.ok(claims.length >= 8)
  for (const { xep, version, status } of claims) {
    const number = String(xep).padStart(4, '0')
    const told = `<xmpp:xep rdf:resource="https://xmpp.org/extensions/xep-${number}.html"/><xmpp:status>${status}</xmpp:status><xmpp:version>${version}</xmpp:version>`
    t.ok(doap.includes(told), `XEP-${number}`)
    t.match(files.get('src/extensions/README.md'), `| XEP-${number} |`)
  }
})

t.test('every option of an extension is in the reference with its default', async t => {
  const reference = generated().get('config/reference.md') as string
  for (const { extension } of locatedExtensions())
    for (const [name, option] of Object.entries(extension.options ?? {})) {
      const line = reference
        .split('\n')
        .find(row => row.startsWith(`| \`extensions.${extension.name}.${name}\` |`))
      t.ok(line?.includes(JSON.stringify(option.default)), `${extension.name}.${name}`)
    }
})
