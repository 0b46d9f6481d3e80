/** XEP-0045: Multi-User Chat. */
import { defineExtension } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import commands from '../commands/index.ts'
import disco from '../disco.ts'
import presence from '../presence/index.ts'
import settings from '../settings/index.ts'
import stanzaIds from '../stanza-ids.ts'
import { AccountNews } from './account-news.ts'
import { adminClaims } from './admin.ts'
import { RoomArchive } from './archive.ts'
import { archiveClaims } from './archive-queries.ts'
import { Attendance, type Attending } from './attendance.ts'
import { cardClaims } from './card.ts'
import { closeRooms } from './closing.ts'
import { countClaims } from './counts.ts'
import { discoveryClaims } from './discovery.ts'
import { groupsSetting } from './groups-setting.ts'
import { Handing } from './handing.ts'
import { inviteInstead } from './invitations.ts'
import { linkCommands } from './link-commands.ts'
import { followDisplayed, takeSeen } from './markers.ts'
import { RoomMarks } from './marks.ts'
import { Memberships } from './memberships.ts'
import { takeMention } from './missed.ts'
import { muteClaims } from './mute.ts'
import { groupNotices } from './notices.ts'
import { OccupantIds } from './occupant-ids.ts'
import { ownerClaims } from './owner.ts'
import type { MucParts } from './parts.ts'
import { RoomReceipts, takeDelivered } from './receipts.ts'
import { registrationClaims } from './registration.ts'
import { mayAsk } from './requests.ts'
import { moderationClaims } from './retractions.ts'
import { listRooms } from './room-list.ts'
import { Rooms } from './rooms.ts'
import { RoomService } from './service.ts'
import { RoomStore } from './store.ts'
import { removeUser } from './succession.ts'
import { catchUp, goneOf, takeOver, tellOneAgain } from './take-over.ts'

export default defineExtension({
  name: 'muc',
  doc: 'Rooms in which many talk with each other, and groups of people who need not be there',
  xeps: [
    { xep: 45, version: '1.35.3', status: 'partial' },
    { xep: 410, version: '1.1.0', status: 'complete' },
    { xep: 421, version: '1.0.1', status: 'complete' },
    { xep: 425, version: '0.3.0', status: 'complete' },
    { xep: 452, version: '0.2.2', status: 'complete' },
    { xep: 486, version: '0.1.0', status: 'complete' },
  ],
  features: {
    // XEP-0045 §7.4: "on both the service domain and on individual MUCs"; XEP-0486 §3.1; XEP-0421 §3.
    rooms: [NS.room, NS.stableId, NS.occupantId, NS.vcard],
    room: [
      NS.room,
      NS.stableId,
      NS.roomInfo,
      NS.roomConfig,
      NS.roomRegister,
      NS.register,
      NS.selfPing,
      NS.occupantId,
      NS.stanzaIds,
      NS.vcard,
      NS.archive,
      NS.extendedArchive,
      NS.retraction,
      NS.tombstones,
      NS.moderation,
      NS.groups,
    ],
  },
  requires: [disco, stanzaIds],
  follows: [presence],
  options: {
    host: option.text({ doc: 'The domain of the service; empty: rooms.<host>', default: '' }),
    'created-by': option.choice({
      doc: 'Who may make rooms: users of the host, or its administrators alone',
      default: 'users',
      choices: ['users', 'admins'],
    }),
    'rooms-per-user': option.integer({
      doc: 'Rooms that one user may have made and own; those that are made in one moment may be more',
      default: 200,
      min: 1,
      max: 100_000,
    }),
    'nicks-per-user': option.integer({
      doc: 'Nicks that one user may have in one room at a time; any number of sessions may share one',
      default: 5,
      min: 1,
      max: 1_000,
    }),
    'occupants-per-room': option.integer({
      doc: 'Most occupants that the owners of a room can allow; admins and owners of a room always get in',
      default: 1_000,
      min: 2,
      max: 100_000,
    }),
    'presence-up-to': option.integer({
      doc: 'Most occupants of a room of whom all are told who else is there; of those who come to more only moderators are shown',
      default: 1_000,
      min: 2,
      max: 100_000,
    }),
    'members-per-group': option.integer({
      doc: 'Most members of a private group, its owners and admins among them',
      default: 256,
      min: 2,
      max: 10_000,
    }),
    'affiliations-per-room': option.integer({
      doc: 'Most members, admins, owners and banned users of a room together',
      default: 10_000,
      min: 2,
      max: 100_000,
    }),
    'join-requests-per-room': option.integer({
      doc: 'Most people who wait for the answer whether they become members of a room',
      default: 100,
      min: 1,
      max: 1_000,
    }),
    'links-per-room': option.integer({
      doc: 'Most links of a room by which others become members',
      default: 20,
      min: 0,
      max: 200,
    }),
    'results-per-query': option.integer({
      doc: 'Most results of one query of the archive of a room; a client asks for the rest by the next one',
      default: 100,
      min: 1,
      max: 1_000,
      live: true,
    }),
    'invitations-per-hour': option.integer({
      doc: 'People whom one user may invite to rooms in an hour',
      default: 100,
      min: 1,
      max: 100_000,
      live: true,
    }),
  },
  setup(host, options) {
    const service = JID.parse(options.host === '' ? `rooms.${host.domain}` : options.host)
    const store = new RoomStore(host)
    const memberships = new Memberships(host)
    const handing = new Handing(host)
    const parts: MucParts = {
      host,
      memberships,
      service,
      store,
      rooms: new Rooms(store, new Attendance(host), {
        read: room => host.background.run('muc', news.loaded(room)),
        takenOver: room => takeOver(parts, room),
      }),
      ids: new OccupantIds(host),
      archive: new RoomArchive(host),
      marks: new RoomMarks(host),
      listeners: [],
      limits: {
        occupants: options['occupants-per-room'],
        affiliations: options['affiliations-per-room'],
        group: options['members-per-group'],
        requests: options['join-requests-per-room'],
        links: options['links-per-room'],
        presence: options['presence-up-to'],
        creators: options['created-by'],
        owned: options['rooms-per-user'],
        nicks: options['nicks-per-user'],
        get invitations() {
          return options['invitations-per-hour']
        },
      },
    }
    const news = new AccountNews(parts, (room, to, by) => inviteInstead(parts, room, to, by))
    const receipts = new RoomReceipts(parts)
    parts.listeners.push(groupNotices(parts), news)
    for (const command of linkCommands(parts)) host.find(commands)?.add(command)
    host.find(settings)?.add(groupsSetting)
    host.use(disco).addItems('rooms', iq => listRooms(parts, iq))
    followDisplayed(parts)
    host.router.services.add(service.domain, new RoomService(parts), host.domain)
    return {
      iq: [
        ...adminClaims(parts),
        ...ownerClaims(parts),
        ...discoveryClaims(parts),
        ...registrationClaims(parts),
        ...cardClaims(parts),
        ...archiveClaims(parts, () => options['results-per-query']),
        ...countClaims(parts),
        ...moderationClaims(parts),
        ...muteClaims(parts),
      ],
      stages: [handing.guard],
      atHome: {
        'muc:hand': handing.take,
        'muc:standing': (account, standing) => memberships.take(account, standing),
        'muc:removed': async (room, user) =>
          host.background.run('muc', (await removeUser(parts, room, user))()),
        'muc:may-ask': (account, who) => mayAsk(host, account, who),
        'muc:delivered': (room, reached) => takeDelivered(parts, room, reached),
        'muc:again': (room, to) => tellOneAgain(parts, room, to),
        'muc:gone': (account, sessions) => goneOf(host, account, sessions),
        'muc:mentioned': (user, mention) => takeMention(parts, user, mention),
        'muc:seen': (room, seen) => takeSeen(parts, room, seen),
      },
      on: {
        'user:removed': ({ owner }) => memberships.forget(owner),
        'delivery:acknowledged': event => receipts.acknowledged(event),
        'session:arrived': ({ session, recovered }) => {
          if (recovered) catchUp(parts, session.jid, host.find(presence)?.toldBy(session) ?? [])
        },
      },
      closing: () => closeRooms(parts),
      stop: () => receipts.stop(),
      moving: {
        owners: () => parts.rooms.occupied,
        pack: owner => (owner.domain === service.domain ? parts.rooms.pack(owner) : undefined),
        unpack: (owner, packed) => parts.rooms.unpack(owner, packed as readonly Attending[]),
        forget: which => parts.rooms.drop(which),
      },
    }
  },
})
