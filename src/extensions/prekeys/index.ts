/**
 * Keys of devices, each of which is given once (docs/protocol/prekeys.md). XEP-0384 §5.3.2 has clients take them from a list that all can
 * read, so that two may take the same; here the server hands them out.
 */
import { defineExtension, get, type IqContext, type Registrations, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import commands from '../commands/index.ts'
import pubsub from '../pubsub/index.ts'
import { deviceCommand } from './device-command.ts'
import { Devices } from './devices.ts'
import type { DeviceLine } from './keys.ts'
import { Notices } from './notices.ts'
import { claimed, claims, list, type RequestParts, remove, upload } from './requests.ts'
import { KeyStore } from './store.ts'

export { Devices } from './devices.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** The devices of an account that have keys. */
    'prekeys:devices'(owner: JID, nothing: undefined): Promise<readonly DeviceLine[]>
    /** Removes a device with its keys. False: there is none. */
    'prekeys:remove'(owner: JID, device: number): Promise<boolean>
  }
}

export default defineExtension({
  name: 'prekeys',
  doc: 'Hands out the public keys with which people begin to write to a device that is away, each of them once',
  optIn: true,
  features: { account: [NS.prekeys] },
  options: {
    'devices-per-user': option.integer({
      doc: 'Most devices of one user that have keys',
      default: 20,
      min: 1,
      max: 1_000,
      live: true,
    }),
    'keys-per-device': option.integer({
      doc: 'Most keys of one kind that are kept of a device',
      default: 200,
      min: 1,
      max: 1_000,
      live: true,
    }),
    few: option.integer({
      doc: 'A device that has fewer keys left of a kind is told so',
      default: 20,
      min: 0,
      max: 1_000,
      live: true,
    }),
    'claims-per-hour': option.integer({
      doc: 'Claims that one user may make in an hour',
      default: 300,
      min: 1,
      max: 1_000_000,
      live: true,
    }),
    'claims-per-contact': option.integer({
      doc: 'Claims that one user may make in an hour on the keys of one other: nobody shall use up what others have',
      default: 10,
      min: 1,
      max: 1_000_000,
      live: true,
    }),
    'uploads-per-hour': option.integer({
      doc: 'Uploads of the devices of one user in an hour',
      default: 60,
      min: 1,
      max: 1_000_000,
      live: true,
    }),
    'claims-logged': option.integer({
      doc: 'Claims that their owner can look up, the last ones',
      default: 200,
      min: 1,
      max: 1_000,
      live: true,
    }),
  },
  setup(host, options): Registrations<undefined> {
    const store = new KeyStore(host.storage)
    const devices = new Devices(host, host.find(pubsub))
    const notices = new Notices(host, store, () => options.few)
    const parts: RequestParts = {
      host,
      store,
      devices,
      notices,
      limits: {
        get devices() {
          return options['devices-per-user']
        },
        get keys() {
          return options['keys-per-device']
        },
        get claimsPerHour() {
          return options['claims-per-hour']
        },
        get claimsPerContact() {
          return options['claims-per-contact']
        },
        get uploadsPerHour() {
          return options['uploads-per-hour']
        },
        get logged() {
          return options['claims-logged']
        },
      },
    }
    const answer =
      (how: (parts: RequestParts, iq: IqContext) => Maybe<Element | undefined>) => (iq: IqContext) =>
        how(parts, iq)
    host.find(commands)?.add(deviceCommand(host))
    return {
      iq: [
        set(NS.prekeys, 'publish', 'account', answer(upload)),
        set(NS.prekeys, 'claim', 'account', answer(claimed), { access: 'any' }),
        set(NS.prekeys, 'remove', 'account', answer(remove)),
        get(NS.prekeys, 'devices', 'account', answer(list)),
        get(NS.prekeys, 'claims', 'account', answer(claims)),
      ],
      atHome: {
        'prekeys:devices': owner => devices.list(owner),
        'prekeys:remove': (owner, device) => devices.remove(owner, device),
      },
      on: {
        'session:presence': ({ session, before }) => {
          if (session.available && !before.available) host.background.run('prekeys', notices.arrived(session))
        },
      },
    }
  },
})
