import t from 'tap'
import { checkLayers } from '../../scripts/layers.ts'

/** Names of the rules that a tree of sources breaks, as `rule: from`. */
async function broken(directory: string): Promise<string[]> {
  const { violations } = await checkLayers(['src'], directory)
  return [...new Set(violations.map(one => `${one.rule}: ${one.from}`))].sort()
}

const use = (...specifiers: string[]): string =>
  specifiers.map((one, index) => `import { a as a${index} } from '${one}'\nvoid a${index}\n`).join('')
const a = 'export const a: number = 1\n'

t.test('what the architecture allows breaks no rule', async t => {
  const directory = t.testdir({
    src: {
      'main.ts': use('./c2s/a.ts', './extensions/ping.ts', './storage/sqlite/a.ts', './core/a.ts'),
      xml: { 'a.ts': a, 'element.ts': "import { Element } from 'ltx'\nvoid Element\n" },
      core: {
        'a.ts': `import type { b } from './b.ts'\nimport type { a as s } from '../storage/types.ts'\n${use('../xml/a.ts')}${a}export type T = [typeof b, typeof s]\n`,
        'b.ts': "import type { a } from './a.ts'\nexport const b = 1 as unknown as typeof a\n",
        'errors.ts': a,
      },
      storage: { 'types.ts': a, sqlite: { 'a.ts': `import 'node:sqlite'\n${use('../types.ts')}${a}` } },
      tls: { 'a.ts': use('../core/errors.ts') + a },
      auth: { 'a.ts': use('../storage/types.ts', '../core/a.ts') + a },
      c2s: { 'a.ts': `import 'node:net'\n${use('../auth/a.ts', '../tls/a.ts', '../core/a.ts')}${a}` },
      extensions: {
        'ping.ts': use('../core/a.ts', '../storage/types.ts', './muc/index.ts') + a,
        muc: { 'index.ts': a },
      },
    },
  })
  t.same(await broken(directory), [])
})

t.test('each way against the layers is found', async t => {
  const directory = t.testdir({
    src: {
      xml: { 'up.ts': use('../core/a.ts') + a, 'file.ts': "import 'node:fs'\n" },
      core: {
        'a.ts': a,
        'back-end.ts': use('../storage/sqlite/a.ts'),
        'back-end-type.ts': "import type { a } from '../storage/sqlite/a.ts'\nexport type T = typeof a\n",
        'value.ts': use('../storage/types.ts'),
        'extension.ts': use('../extensions/ping.ts'),
        'element.ts': "import { Element } from 'ltx'\nvoid Element\n",
        'socket.ts': "import { connect } from 'node:net'\nvoid connect\n",
      },
      tls: { 'a.ts': use('../core/a.ts') },
      auth: { 'a.ts': use('../c2s/a.ts') },
      c2s: { 'a.ts': use('../storage/sqlite/a.ts') + a },
      storage: { 'types.ts': a, 'bad.ts': use('../core/a.ts'), sqlite: { 'a.ts': a } },
      extensions: {
        'ping.ts': use('../auth/a.ts', './muc/room.ts') + a,
        'sql.ts': "import 'node:sqlite'\nvoid import('ioredis')\nvoid import('nowhere-at-all')\n",
        muc: { 'room.ts': a },
      },
      novelty: { 'a.ts': use('../xml/up.ts') },
      config: { 'a.ts': use('../../test/helper.ts') },
    },
    test: { 'helper.ts': a },
  })
  const expected = [
    'extension-definition: src/extensions/ping.ts',
    'layer-auth: src/auth/a.ts',
    'layer-c2s: src/c2s/a.ts',
    'layer-core-types: src/core/back-end-type.ts',
    'layer-core: src/core/back-end.ts',
    'layer-core: src/core/extension.ts',
    'layer-core: src/core/value.ts',
    'layer-extensions: src/extensions/ping.ts',
    'layer-storage: src/storage/bad.ts',
    'layer-tls: src/tls/a.ts',
    'layer-unknown: src/novelty/a.ts',
    'layer-xml: src/xml/up.ts',
    'no-io: src/core/socket.ts',
    'no-io: src/extensions/sql.ts',
    'no-io: src/xml/file.ts',
    'only-in-ioredis: src/extensions/sql.ts',
    'only-in-ltx: src/core/element.ts',
    'only-in-node-sqlite: src/extensions/sql.ts',
    'src-alone: src/config/a.ts',
  ]
  t.same(await broken(directory), [...expected, 'resolvable: src/extensions/sql.ts'].sort())
})

t.test('cycles: of values nowhere, of types only inside core', async t => {
  const typed = (other: string): string =>
    `import type { a as b } from '${other}'\nexport const a = 1 as unknown as typeof b\n`
  const directory = t.testdir({
    src: {
      core: {
        'a.ts': typed('./b.ts'),
        'b.ts': typed('./a.ts'),
        'c.ts': use('./d.ts') + a,
        'd.ts': use('./c.ts') + a,
      },
      xml: { 'a.ts': typed('./b.ts'), 'b.ts': typed('./a.ts') },
    },
  })
  // A cycle is told once, at its first file.
  t.same(await broken(directory), ['no-cycle: src/core/c.ts', 'no-type-cycle: src/xml/a.ts'])
})
