/** Who may add somebody to groups: docs/protocol/settings.md. */
import type { Setting } from '../settings/index.ts'

declare module '../settings/settings.ts' {
  interface SettingValues {
    /** Who may add a user to groups. */
    groups: 'everyone' | 'contacts' | 'nobody'
  }
}

export const groupsSetting: Setting<'groups'> = {
  name: 'groups',
  label: 'Who may add you to groups',
  choices: {
    everyone: 'Everyone',
    contacts: 'People who may see your presence',
    nobody: 'Nobody: others have to invite you',
  },
  default: 'contacts',
}
