import t from 'tap'
import { missingEntries } from '../../scripts/complete-lock.ts'

t.test('a platform package without an entry gets one that says for which platform it is', async t => {
  const optionalDependencies = {
    '@tool/cli-linux-x64': '1.2.3',
    '@tool/cli-linux-arm64-musl': '1.2.3',
    '@tool/binding-win32-ia32-msvc': '1.2.3',
  }
  const packages = {
    '': {},
    'node_modules/tool': { version: '1.2.3', dev: true, optionalDependencies },
    'node_modules/@tool/cli-linux-x64': { version: '1.2.3', dev: true, optional: true },
  }
  const common = { version: '1.2.3', dev: true, optional: true }
  t.same(Object.fromEntries(missingEntries({ packages })), {
    'node_modules/@tool/cli-linux-arm64-musl': { ...common, os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
    'node_modules/@tool/binding-win32-ia32-msvc': { ...common, os: ['win32'], cpu: ['ia32'] },
  })
})

t.test('an entry counts wherever npm would find it', async t => {
  const optionalDependencies = { 'x-linux-x64': '1.0.0' }
  const holder = 'node_modules/a/node_modules/b'
  for (const place of ['node_modules/', 'node_modules/a/node_modules/', `${holder}/node_modules/`])
    t.equal(
      missingEntries({ packages: { [holder]: { optionalDependencies }, [`${place}x-linux-x64`]: {} } }).size,
      0,
      place,
    )
  t.equal(
    missingEntries({
      packages: { [holder]: { optionalDependencies }, 'node_modules/c/node_modules/x-linux-x64': {} },
    }).size,
    1,
  )
})

t.test('what cannot be entered is said', async t => {
  const wanting = (name: string, version: string) => () =>
    missingEntries({ packages: { a: { optionalDependencies: { [name]: version } } } })
  t.throws(wanting('x-linux-x64', '^1.0.0'), /no exact version/)
  t.throws(wanting('fsevents', '2.3.3'), /for which platform/)
})
