/** docs/protocol/backup.md: backups that clients have encrypted; what XEP-0049 is for small pieces of XML. */
import { defineExtension, get, type IqContext, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { begin, finish, list, part, type RequestParts, read, remove } from './requests.ts'
import { BackupStore } from './store.ts'

const MIB = 1024 * 1024

type Request = (parts: RequestParts, iq: IqContext) => Maybe<Element | undefined>

export default defineExtension({
  name: 'backups',
  doc: "Keeps backups that users' clients have encrypted, for their other devices and their next ones",
  features: { account: [NS.backup] },
  options: {
    'bytes-per-backup': option.integer({
      doc: 'Largest backup',
      default: 10 * MIB,
      min: 1_024,
      max: 256 * MIB,
      unit: 'bytes',
      live: true,
    }),
    'bytes-per-user': option.integer({
      doc: 'Most bytes of all backups of one user, with those that are being uploaded',
      default: 20 * MIB,
      min: 1_024,
      max: 1_024 * MIB,
      unit: 'bytes',
      live: true,
    }),
    'backups-per-user': option.integer({
      doc: 'Most backups of one user',
      default: 10,
      min: 1,
      max: 100,
      live: true,
    }),
  },
  setup(host, options) {
    const parts: RequestParts = {
      host,
      store: new BackupStore(host),
      get limits() {
        return {
          each: options['bytes-per-backup'],
          all: options['bytes-per-user'],
          number: options['backups-per-user'],
        }
      },
    }
    const inLane = (run: Request) => (iq: IqContext) =>
      host.router.homes.inLane(iq.owner, () => run(parts, iq))
    return {
      iq: [
        get(NS.backup, 'backups', 'account', inLane(list)),
        get(NS.backup, 'part', 'account', inLane(read)),
        set(NS.backup, 'begin', 'account', inLane(begin)),
        set(NS.backup, 'part', 'account', inLane(part)),
        set(NS.backup, 'finish', 'account', inLane(finish)),
        set(NS.backup, 'delete', 'account', inLane(remove)),
      ],
    }
  },
})
