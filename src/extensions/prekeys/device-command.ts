/** The command by which users look at their devices in any client, and remove one. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { dateTime } from '../../xml/delay.ts'
import { field } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import type { Command } from '../commands/index.ts'
import type { DeviceLine } from './keys.ts'

export function deviceCommand({ router: { atHome }, log }: Host): Command {
  return {
    node: `${NS.prekeys}#devices`,
    name: 'Devices with keys',
    place: 'account',
    access: 'users',
    async run({ owner, asker, ask }) {
      const lines = await atHome.run('prekeys:devices', owner, undefined)
      if (lines.length === 0) return { notes: [{ type: 'info', text: 'No device has keys here.' }] }
      const { values } = await ask({
        title: 'Devices with keys',
        instructions: 'The device that you choose is removed: nobody can begin to write to it any more.',
        fields: {
          device: field.choice({
            label: 'Device',
            options: Object.fromEntries(lines.map(line => [String(line.device), labelOf(line)])),
          }),
        },
      })
      const device = Number(values.device)
      if (!(await atHome.run('prekeys:remove', owner, device))) throw new StanzaError('item-not-found')
      log.info({ owner, by: asker, device }, 'a device was removed with its keys')
      return { notes: [{ type: 'info', text: `Device ${device} is removed.` }] }
    },
  }
}

function labelOf({ device, keys, omemo }: DeviceLine): string {
  const parts = [
    ...(keys ? [`since ${dateTime(keys.added)}`, `${keys.left.oneTime} + ${keys.left.kyber} keys left`] : []),
    ...(omemo ? ['OMEMO'] : []),
  ]
  return `${device}: ${parts.join(', ')}`
}
