// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { printFields } from '../../src/config/print.ts'
import { allFields } from '../../src/config/schema.ts'
import { defineExtension } from '../../src/core/extension.ts'
import { option } from '../../src/core/options.ts'
import { extensions } from '../../src/extensions/index.ts'

const bridge = defineExtension({
  name: 'bridge',
  doc: 'Has secrets',
  options: {
    'shared-secret': option.text({ doc: 'What both know', default: '' }),
    label: option.text({ doc: 'A label', default: '' }),
  },
  setup: () => ({}),
})
const all = [...extensions, bridge]
const fields = allFields(all)
const environment = { BASE: '/srv', KEY: 'hunter2', NET: '10.0.0.0/8' }
const parse = (text: string) =>
  parseConfig(text, 'tidings.yaml', { extensions: all, environment, directory: '/home' })

t.test('what is printed means the same', async t => {
  const texts = [
    '',
    'hosts: [{name: a.example, tls: {certificate: a.crt, key: a.key}}, {name: b.example}]\nlisteners: {xmpp: false}',
    'extensions: {ping: false, offline: {days: 3}, bridge: {label: "a $${b} # c"}}\nlimits: {depth: false}',
    'data: ${BASE}/data\nlisteners: {xmpp: {trusted-proxies: ["${NET}", ::1]}}\nextensions: {bridge: {shared-secret: "${KEY}"}}',
    'federation: {overrides: {peer.example: "127.0.0.1:5269"}}',
  ]
  for (const text of texts) {
    const config = parse(text)
    const again = parse(printFields(config, fields))
    const plain = ({ later: _later, ...rest }: typeof config) => rest
    t.strictSame(plain(again), plain(config), text)
  }
})

t.test('every key has its comment, and no secret is shown', async t => {
  const printed = printFields(
    parse(
      'tls: {certificate: a, key: b}\nextensions: {bridge: {shared-secret: hunter2, label: x}}\ndata: ${BASE}/data',
    ),
    fields,
  )
  t.notMatch(printed, /hunter2/)
  t.match(printed, /# What both know\n +shared-secret: "\[not shown\]"\n +# A label\n +label: x\n/)
  t.match(printed, /\n\n# Where data is kept\.\nstorage:\n +# `sqlite`/)
  t.match(printed, /\ndata: \$\{BASE\}\/data\n/)
  t.match(printed, /certificate: \/home\/a\n/)
  const fromEnvironment = printFields(parse('extensions: {bridge: {shared-secret: "${KEY}"}}'), fields)
  t.notMatch(fromEnvironment, /hunter2/)
  t.match(fromEnvironment, /shared-secret: \$\{KEY\}\n/)
})
