// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written
/** Every kind of error in a configuration, with its exact text. */
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problems.ts'
import { defineExtension, type Extension } from '../../src/core/extension.ts'
import { option } from '../../src/core/options.ts'

const extensions: readonly Extension[] = [
  defineExtension({
    name: 'offline',
    doc: 'Keeps messages',
    options: {
      days: option.integer({ doc: 'How long', default: 7, min: 1, max: 3650, unit: 'days' }),
      loud: option.boolean({ doc: 'Whether', default: false }),
      motto: option.text({ doc: 'What', default: '' }),
      admins: option.texts({ doc: 'Who', default: [] }),
      mode: option.choice({ doc: 'How', default: 'a', choices: ['a', 'b'] }),
    },
    setup: () => ({}),
  }),
  defineExtension({ name: 'ping', doc: 'Answers pings', setup: () => ({}) }),
]

/** The lines of the error for a text, without the first one. */
function problems(text: string, environment: Record<string, string> = {}): string[] {
  try {
    parseConfig(text, 'tidings.yaml', { extensions, environment })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').slice(1)
  }
  return []
}

/** What a place is. */
const LOCATION = 'expected a host, perhaps with a port, such as node1.example.org:5222 or [2001:db8::1]:5222'

const CASES: readonly [what: string, text: string, ...problems: string[]][] = [
  [
    'text that is no YAML',
    'hosts: [a\ndata: x',
    'tidings.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ] [TIDINGS_CONFIG_SYNTAX]',
  ],
  [
    'a key that is there twice',
    'data: a\ndata: b',
    'tidings.yaml:2:1: Map keys must be unique [TIDINGS_CONFIG_SYNTAX]',
  ],
  [
    'an unknown key with a near one',
    'listners: {}',
    'tidings.yaml:1:1: listners: there is no such key; did you mean "listeners"? [TIDINGS_CONFIG_UNKNOWN_KEY]',
  ],
  [
    'an unknown key with none near',
    'log:\n  colour: red',
    'tidings.yaml:2:3: log.colour: there is no such key; expected one of level [TIDINGS_CONFIG_UNKNOWN_KEY]',
  ],
  [
    'an unknown extension',
    'extensions:\n  ofline: {}',
    'tidings.yaml:2:3: extensions.ofline: there is no such extension; did you mean "offline"? [TIDINGS_CONFIG_UNKNOWN_KEY]',
  ],
  [
    'an unknown option of an extension',
    'extensions: {offline: {day: 3}}',
    'tidings.yaml:1:24: extensions.offline.day: there is no such key; did you mean "days"? [TIDINGS_CONFIG_UNKNOWN_KEY]',
  ],
  [
    'an option for an extension that has none',
    'extensions: {ping: true}',
    'tidings.yaml:1:20: extensions.ping: expected a mapping without keys, or false, found true [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a number out of its bounds',
    'listeners:\n  xmpp:\n    port: 65536',
    'tidings.yaml:3:11: listeners.xmpp.port: expected a whole number from 0 to 65535, found 65536 [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a text for a number',
    'extensions: {offline: {days: soon}}',
    'tidings.yaml:1:30: extensions.offline.days: expected a whole number of days from 1 to 3650, found "soon" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a fraction for a limit',
    'limits: {stanza-bytes: 20000.5}',
    'tidings.yaml:1:24: limits.stanza-bytes: expected a whole number of bytes, 10000 or more, or false, found 20000.5 [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a text for a switch',
    'extensions: {offline: {loud: yes}}',
    'tidings.yaml:1:30: extensions.offline.loud: expected true or false, found "yes" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a number for a text',
    'extensions: {offline: {motto: 12}}',
    'tidings.yaml:1:31: extensions.offline.motto: expected a text, found 12 [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a text for a list',
    'extensions: {offline: {admins: me}}',
    'tidings.yaml:1:32: extensions.offline.admins: expected a list, each a text, found "me" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a choice that is near one',
    'listeners: {xmpp: {tls: require}}',
    'tidings.yaml:1:25: listeners.xmpp.tls: expected one of "required", "offered", "off", found "require"; did you mean "required"? [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a choice like none',
    'sessions: {conflict: panic}',
    'tidings.yaml:1:22: sessions.conflict: expected one of "replace", "refuse", "rename", found "panic" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'false where nothing can be switched off',
    'log: false',
    'tidings.yaml:1:6: log: expected a mapping with level, found false [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a list for a mapping',
    'listeners: {xmpp: []}',
    'tidings.yaml:1:19: listeners.xmpp: expected a mapping with address, port, tls, trusted-proxies, or false, found an empty list [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'nothing for a value',
    'data:',
    'tidings.yaml:1:6: data: expected a path, found nothing [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a mapping for a value',
    'data: {a: b}',
    'tidings.yaml:1:7: data: expected a path, found a mapping [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a long text is cut',
    `log: {level: ${'x'.repeat(70)}}`,
    `tidings.yaml:1:14: log.level: expected one of "error", "warn", "info", "debug", found "${'x'.repeat(60)}..." [TIDINGS_CONFIG_VALUE]`,
  ],
  [
    'no host at all',
    'hosts: []',
    'tidings.yaml:1:8: hosts: expected a list of one or more, each with name, tls, extensions, found an empty list [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a host without a name',
    'hosts:\n  - tls: {certificate: a, key: b}',
    'tidings.yaml:2:5: hosts[0].name: expected a domain, such as chat.example.org, found no such key [TIDINGS_CONFIG_MISSING_KEY]',
  ],
  [
    'a host that is no domain',
    'hosts: [{name: alice@localhost}]',
    'tidings.yaml:1:16: hosts[0].name: expected a domain, such as chat.example.org, found "alice@localhost" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'half a pair of certificate and key',
    'tls: {certificate: a.pem}',
    'tidings.yaml:1:6: tls.key: expected a path, found no such key [TIDINGS_CONFIG_MISSING_KEY]',
  ],
  [
    'a name where an address belongs',
    'listeners: {xmpp: {address: [127.0.0.1, localhost]}}',
    'tidings.yaml:1:41: listeners.xmpp.address[1]: expected an IP address, such as 127.0.0.1 or ::, found "localhost" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a range that is none',
    'listeners: {xmpp: {trusted-proxies: 10.0.0.0/33}}',
    'tidings.yaml:1:37: listeners.xmpp.trusted-proxies: expected an IP address or a range, such as 10.0.0.0/8, found "10.0.0.0/33" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a port without its host',
    'sessions: {resume-location: ":5222"}',
    `tidings.yaml:1:29: sessions.resume-location: ${LOCATION}, found ":5222" [TIDINGS_CONFIG_VALUE]`,
  ],
  [
    'an IPv6 address without brackets',
    'sessions: {resume-location: "2001:db8::1"}',
    `tidings.yaml:1:29: sessions.resume-location: ${LOCATION}, found "2001:db8::1" [TIDINGS_CONFIG_VALUE]`,
  ],
  [
    'an IPv4 address in brackets',
    'sessions: {resume-location: "[192.0.2.1]:5222"}',
    `tidings.yaml:1:29: sessions.resume-location: ${LOCATION}, found "[192.0.2.1]:5222" [TIDINGS_CONFIG_VALUE]`,
  ],
  [
    'a port that is too high',
    'sessions: {resume-location: "node1.example.org:65536"}',
    `tidings.yaml:1:29: sessions.resume-location: ${LOCATION}, found "node1.example.org:65536" [TIDINGS_CONFIG_VALUE]`,
  ],
  [
    'free keys and their values',
    'federation:\n  overrides:\n    a b: 127.0.0.1:5269\n    c.example: here',
    'tidings.yaml:3:10: federation.overrides["a b"]: expected a domain, such as chat.example.org, as the key [TIDINGS_CONFIG_VALUE]',
    'tidings.yaml:4:16: federation.overrides["c.example"]: expected a host and a port, such as 127.0.0.1:5269 or [::1]:5269, found "here" [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'a variable that is not set',
    'data: ${HOME_OF_DATA}/x',
    'tidings.yaml:1:7: data: expected a path from ${HOME_OF_DATA}, found no such environment variable [TIDINGS_CONFIG_ENVIRONMENT]',
  ],
  [
    'a host named twice, in other letters',
    'hosts:\n  - name: a.example\n  - name: A.Example',
    'tidings.yaml:3:11: hosts[1].name: expected another domain than that of hosts[0], found "a.example" again [TIDINGS_CONFIG_CONFLICT]',
  ],
  [
    'a component with the name of a host, and one named twice',
    'hosts: [{name: a.example}]\ncomponents:\n  - {name: A.example, secret: s}\n  - {name: b.example, secret: s}\n  - {name: b.example, secret: s}',
    'tidings.yaml:3:12: components[0].name: expected another domain than that of hosts[0], found "a.example" again [TIDINGS_CONFIG_CONFLICT]',
    'tidings.yaml:5:12: components[2].name: expected another domain than that of components[1], found "b.example" again [TIDINGS_CONFIG_CONFLICT]',
  ],
  [
    'an unknown extension of a host',
    'hosts:\n  - name: a.example\n    extensions:\n      ofline: {}',
    'tidings.yaml:4:7: hosts[0].extensions.ofline: there is no such extension; did you mean "offline"? [TIDINGS_CONFIG_UNKNOWN_KEY]',
  ],
  [
    'options of extensions of hosts: unknown, out of bounds, of a wrong kind, of one that has none',
    'hosts:\n  - name: a.example\n    extensions: {offline: {day: 3}}\n  - name: b.example\n    extensions:\n      offline: {days: 0, mode: aa}\n      ping: true',
    'tidings.yaml:3:28: hosts[0].extensions.offline.day: there is no such key; did you mean "days"? [TIDINGS_CONFIG_UNKNOWN_KEY]',
    'tidings.yaml:6:23: hosts[1].extensions.offline.days: expected a whole number of days from 1 to 3650, found 0 [TIDINGS_CONFIG_VALUE]',
    'tidings.yaml:6:32: hosts[1].extensions.offline.mode: expected one of "a", "b", found "aa"; did you mean "a"? [TIDINGS_CONFIG_VALUE]',
    'tidings.yaml:7:13: hosts[1].extensions.ping: expected a mapping without keys, or false, found true [TIDINGS_CONFIG_VALUE]',
  ],
  [
    'two listeners on one port',
    'listeners:\n  xmpp-tls:\n    port: 5222',
    'tidings.yaml:3:11: listeners.xmpp-tls.port: expected another port than that of listeners.xmpp, found 5222 again [TIDINGS_CONFIG_CONFLICT]',
  ],
  [
    'two listeners on one port, one of them by default',
    'listeners: {xmpp: {port: 5223}}',
    'tidings.yaml:1:12: listeners.xmpp-tls.port: expected another port than that of listeners.xmpp, found 5223 again [TIDINGS_CONFIG_CONFLICT]',
  ],
  [
    'a file that is no mapping',
    '- a',
    'tidings.yaml:1:1: expected a mapping of keys, found a list [TIDINGS_CONFIG_VALUE]',
  ],
]

for (const [what, text, ...expected] of CASES) t.strictSame(problems(text), expected, what)

t.test('all problems are told at once, in the order of the file', async t => {
  const text = `log: {level: loud}
hosts: [{name: ''}]
data: false
extensions: {pong: {}}
`
  const found = problems(text)
  t.equal(found.length, 4)
  t.strictSame(
    found.map(line => line.split(':')[1]),
    ['1', '2', '3', '4'],
  )
  t.throws(() => parseConfig(text, 'f', { extensions }), {
    code: 'TIDINGS_CONFIG_INVALID',
    message: /^4 problems/,
  })
})

t.test('a value from the environment is never shown', async t => {
  const [line] = problems('log: {level: "${LEVEL}"}', { LEVEL: 'hunter2' })
  t.equal(
    line,
    'tidings.yaml:1:14: log.level: expected one of "error", "warn", "info", "debug", found something else in ${LEVEL} [TIDINGS_CONFIG_VALUE]',
  )
})
