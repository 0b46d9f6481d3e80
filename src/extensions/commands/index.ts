/** XEP-0050: Ad-Hoc Commands. */
import { defineExtension, set } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { NS } from '../../xml/ns.ts'
import disco from '../disco.ts'
import { Catalogue } from './catalogue.ts'
import { commandNodes } from './discovery.ts'
import { Execution } from './execution.ts'
import { CommandSessions, type PackedCommand } from './sessions.ts'

export type { Command, Completed } from './command.ts'
export { commandNodes } from './discovery.ts'
export { badPayload } from './errors.ts'

export default defineExtension({
  name: 'commands',
  doc: 'Lets clients run the commands of other extensions without knowing them',
  xeps: [{ xep: 50, version: '1.3.0', status: 'complete' }],
  requires: [disco],
  features: { server: [NS.commands], account: [NS.commands], room: [NS.commands] },
  options: {
    'open-per-user': option.integer({
      doc: 'Commands that a user may have begun and not finished',
      default: 10,
      min: 1,
      max: 100,
      live: true,
    }),
    minutes: option.integer({
      doc: 'How long a command waits for its user',
      default: 10,
      min: 1,
      max: 1_440,
      unit: 'minutes',
      live: true,
    }),
  },
  setup(host, options) {
    const catalogue = new Catalogue(host)
    const sessions = new CommandSessions(host.clock, {
      get perUser() {
        return options['open-per-user']
      },
      get patience() {
        return options.minutes * 60_000
      },
    })
    const execution = new Execution(catalogue, sessions)
    for (const place of ['server', 'account'] as const)
      host.use(disco).addNodes(place, commandNodes(place, catalogue))
    return {
      iq: [
        set(NS.commands, 'command', 'server', iq => execution.run('server', iq)),
        set(NS.commands, 'command', 'account', iq => execution.run('account', iq)),
        set(NS.commands, 'command', 'room', iq => execution.run('room', iq)),
      ],
      on: { 'session:closed': ({ session }) => sessions.endOf(session.jid) },
      moving: {
        owners: () => sessions.rooms,
        pack: user => sessions.pack(user),
        unpack: (_, packed) =>
          sessions.unpack(packed as PackedCommand[], (place, node) => catalogue.find(place, node)),
        forget: which => sessions.drop(which),
      },
      provides: catalogue,
      stop: () => sessions.stop(),
    }
  },
})
