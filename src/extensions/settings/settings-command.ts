/** The command by which users look at their settings in any client, and change them. */
import type { Host } from '../../core/host.ts'
import { field } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import type { Command } from '../commands/index.ts'
import type { SettingName, Settings } from './settings.ts'

/** One form with all settings, which shows what holds now. */
export function settingsCommand({ router: { homes } }: Host, settings: Settings): Command {
  return {
    node: NS.settings,
    name: 'Privacy settings',
    place: 'account',
    access: 'users',
    async run({ owner, ask }) {
      const { all } = settings
      if (all.length === 0) return { notes: [{ type: 'info', text: 'There is nothing to set.' }] }
      const now = await homes.inLane(owner, async () => {
        const values = new Map<SettingName, string>()
        for (const { name } of all) values.set(name, await settings.get(owner, name))
        return values
      })
      const { values } = await ask({
        formType: NS.settings,
        title: 'Privacy settings',
        fields: Object.fromEntries(
          all.map(({ name, label, choices }) => [
            name,
            field.choice<string>({ label, options: choices, value: now.get(name) ?? '' }),
          ]),
        ),
      })
      const chosen = new Map(all.map(({ name }) => [name, values[name] ?? '']))
      await homes.inLane(owner, () => settings.set(owner, chosen))
      return { notes: [{ type: 'info', text: 'The settings are stored.' }] }
    },
  }
}
