/** Options of extensions at single hosts: what they replace, what is on and what is off. */
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { ownOf } from '../../src/config/hosts.ts'
import { parseConfig } from '../../src/config/load.ts'
import { printFields } from '../../src/config/print.ts'
import { ConfigError } from '../../src/config/problems.ts'
import { allFields } from '../../src/config/schema.ts'
import { defineExtension } from '../../src/core/extension.ts'
import { option } from '../../src/core/options.ts'

const hints = defineExtension({ name: 'hints', doc: 'Heeds hints', setup: () => ({}) })
const archive = defineExtension({
  name: 'archive',
  doc: 'Keeps messages',
  requires: [hints],
  options: {
    keep: option.text({ doc: 'How long', default: 'always' }),
    names: option.texts({ doc: 'Whose', default: ['all'] }),
  },
  setup: () => ({}),
})
const status = defineExtension({
  name: 'status',
  doc: 'Remembers',
  follows: [archive],
  options: { token: option.text({ doc: 'A secret', default: '' }) },
  setup: () => ({}),
})
const extensions = [hints, archive, status]

const parse = (text: string): Config =>
  parseConfig(text, 'tidings.yaml', { extensions, environment: { TOKEN: 'hunter2' }, directory: '/' })

/** What holds at the hosts a.example and b.example. */
const at = (a: string, all = '{}', b = '') =>
  parse(
    `hosts:\n- {name: a.example, extensions: ${a}}\n- {name: b.example, extensions: ${b}}\nextensions: ${all}`,
  )

const SHIPPED = { keep: 'always', names: ['all'] }

t.test('what a host says replaces what is said for all, key by key', async t => {
  const { extensions: all, hosts } = at('{archive: {keep: 7d}}', '{archive: {keep: 1d, names: [x, y]}}')
  t.strictSame(hosts[0]!.extensions, { ...all, archive: { keep: '7d', names: ['x', 'y'] } })
  t.strictSame(hosts[1]!.extensions, all)
  t.strictSame(at('{archive: {names: []}}').hosts[0]!.extensions.archive, { keep: 'always', names: [] })
})

t.test('a host switches off, and on; followers go along', async t => {
  const off = at('{archive: false}')
  t.strictSame(off.hosts[0]!.extensions, { hints: {}, archive: false, status: false })
  t.strictSame(off.hosts[1]!.extensions, { hints: {}, archive: SHIPPED, status: { token: '' } })
  t.strictSame(off.followers, [{ extension: 'status', follows: 'archive', host: 'a.example' }])

  const on = at('{archive: {}}', '{archive: false}', '{archive: }')
  t.strictSame(on.hosts[0]!.extensions, { hints: {}, archive: SHIPPED, status: { token: '' } })
  t.strictSame(on.hosts[1]!.extensions, on.extensions, 'a key with nothing below it says nothing')
  t.strictSame(on.followers, [{ extension: 'status', follows: 'archive' }])
})

t.test('hosts may share what they say', async t => {
  const { hosts } = at('&same {archive: false, status: false}', '{}', '*same')
  t.strictSame(hosts[1]!.extensions, hosts[0]!.extensions)
  t.strictSame(at('{}', '&one {archive: {}}', '{archive: false}').hosts[1]!.extensions.status, false)
})

t.test('what an extension needs, host by host', async t => {
  const problems = (text: string): string[] => {
    try {
      parse(text)
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split('\n').slice(1)
      throw error
    }
    return []
  }
  const rest = 'which is off: switch that on too, or this one off [TIDINGS_CONFIG_CONFLICT]'
  t.strictSame(
    problems('hosts:\n- name: a.example\n- name: b.example\n  extensions:\n    hints: false'),
    [`tidings.yaml:5:5: hosts[1].extensions.archive: needs hosts[1].extensions.hints, ${rest}`],
    'it points at what the host says, since the other is not written',
  )
  t.strictSame(
    problems(
      'hosts:\n- name: a.example\n  extensions: &off\n    archive: false\n    status: {}\n- {name: b.example, extensions: *off}',
    ),
    [0, 1].map(
      i => `tidings.yaml:5:13: hosts[${i}].extensions.status: needs hosts[${i}].extensions.archive, ${rest}`,
    ),
  )
  t.strictSame(
    problems('hosts: [{name: a.example}, {name: b.example}]\nextensions:\n  hints: false'),
    [`tidings.yaml:3:3: extensions.archive: needs extensions.hints, ${rest}`],
    'what is so at all hosts is told once',
  )
})

t.test('printed: what differs from all, and it means the same', async t => {
  const fields = allFields(extensions)
  const texts = [
    ['{archive: {keep: 7d}}', '{}'],
    ['{archive: {keep: 1d}}', '{archive: {keep: 1d}}'],
    ['{archive: false}', '{archive: {keep: 1d}}'],
    ['{archive: {}}', '{archive: false}'],
    ['{archive: {keep: 7d}, status: false}', '{archive: false}'],
    ['{status: {token: "$' + '{TOKEN}"}}', '{}'],
  ] as const
  for (const [host, all] of texts) {
    const config = at(host, all)
    const again = parse(printFields(config, fields))
    t.strictSame([again.hosts, again.extensions], [config.hosts, config.extensions], `${host} ${all}`)
  }
  const printed = printFields(at('{archive: {keep: 7d}, status: {token: hunter2}}'), fields)
  t.match(printed, /- name: a\.example\n +extensions:\n( +#.*\n)? +archive:\n( +#.*\n)? +keep: 7d\n/)
  t.match(printed, /\n {2}- name: b\.example\n\n/)
  t.notMatch(printed, /hunter2/)
  t.equal(ownOf({}, {}), undefined)
})
