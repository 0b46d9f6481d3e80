/** docs/protocol/settings.md, a command of XEP-0050 §2: what users decide for themselves, such as who may add them to groups. */
import { defineExtension } from '../../core/extension.ts'
import commands from '../commands/index.ts'
import { Settings } from './settings.ts'
import { settingsCommand } from './settings-command.ts'

export type { Setting } from './settings.ts'

export default defineExtension({
  name: 'settings',
  doc: 'Lets users decide for themselves what others may do, such as adding them to groups',
  follows: [commands],
  setup(host) {
    const settings = new Settings(host)
    host.use(commands).add(settingsCommand(host, settings))
    return {
      provides: settings,
      on: { 'user:removed': ({ owner }) => settings.forget(owner) },
      moving: { forget: which => settings.drop(which) },
    }
  },
})
