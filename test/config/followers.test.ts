/** Extensions that are off since others are, and those that can't be on then. */
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problems.ts'
import { defineExtension } from '../../src/core/extension.ts'

const hints = defineExtension({ name: 'hints', doc: 'Heeds hints', setup: () => ({}) })
const archive = defineExtension({
  name: 'archive',
  doc: 'Keeps messages',
  requires: [hints],
  setup: () => ({}),
})
const status = defineExtension({
  name: 'status',
  doc: 'Remembers',
  follows: [archive],
  setup: () => ({}),
})
const summary = defineExtension({ name: 'summary', doc: 'Sums up', follows: [status], setup: () => ({}) })
const extensions = [hints, archive, status, summary]

const parse = (text: string) => parseConfig(text, 'tidings.yaml', { extensions, environment: {} })

t.test(
  'who follows an extension that is off is off, and so on; a key with nothing below it says nothing',
  async t => {
    const config = parse('extensions:\n  archive: false\n  status:\n')
    t.strictSame(config.extensions, { hints: {}, archive: false, status: false, summary: false })
    t.strictSame(config.followers, [
      { extension: 'status', follows: 'archive' },
      { extension: 'summary', follows: 'status' },
    ])
  },
)

t.test('nobody else is', async t => {
  t.strictSame(parse('').followers, [])
  t.strictSame(parse('extensions: {summary: false}').followers, [])
  t.strictSame(parse('extensions: {archive: false, status: false, summary: false}').followers, [])
})

t.test('who is named, or needs what is off, is a mistake', async t => {
  const problems = (text: string): string[] => {
    try {
      parse(text)
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split('\n').slice(1)
      throw error
    }
    return []
  }
  t.strictSame(problems('extensions:\n  archive: false\n  status: {}'), [
    'tidings.yaml:3:11: extensions.status: needs extensions.archive, which is off: switch that on too, or this one off [TIDINGS_CONFIG_CONFLICT]',
  ])
  t.strictSame(problems('extensions:\n  hints: false'), [
    'tidings.yaml:2:3: extensions.archive: needs extensions.hints, which is off: switch that on too, or this one off [TIDINGS_CONFIG_CONFLICT]',
  ])
})
