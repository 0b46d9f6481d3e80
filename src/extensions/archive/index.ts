/** XEP-0313: Message Archive Management: the archives of users. */
import {
  defineExtension,
  get,
  type Registrations,
  SIDES,
  type StageContext,
  set,
  stage,
} from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { ArchiveEntry } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import hints from '../hints.ts'
import roster from '../roster/index.ts'
import stanzaIds from '../stanza-ids.ts'
import { Backlog } from './backlog.ts'
import type { PackedDevice } from './devices.ts'
import { Preferences } from './preferences.ts'
import type { PackedProgress } from './progress.ts'
import { Queries } from './queries.ts'
import { Recorder } from './recorder.ts'
import { keepFor, retentionOf } from './retention.ts'
import { Retractions } from './retractions.ts'
import { sentBy } from './sent.ts'
import { type Had, UntilDelivered } from './until-delivered.ts'

export type { Backlog } from './backlog.ts'
export { ArchiveReader, type ReadingLimits } from './reader.ts'
export { queryForm, readRequest } from './request.ts'
export { isNew, isReadable } from './worth.ts'

/** What other extensions need of the archives of users. */
export interface MessageArchive {
  /** Whether a message is archived for its sender, or its recipient. */
  takes(message: Stanza, at: StageContext): Maybe<boolean>
  /** What users have not got yet. */
  readonly backlog: Backlog
}

declare module '../../core/extension.ts' {
  interface Events {
    /** A client of the owner has been sent these items of his archive. */
    'archive:fetched': { owner: JID; entries: readonly ArchiveEntry[] }
    /** These items of the owner's archive are going to be erased, since all of his devices have them. */
    'archive:erasing': { owner: JID; entries: readonly ArchiveEntry[] }
  }
}

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** A device of the owner's has these messages, where such are erased. */
    'archive:had'(owner: JID, had: Had): Maybe<void>
  }
}

const RECIPIENT = { kind: 'message', side: 'recipient' } as const
const FEATURES = [NS.archive, NS.extendedArchive, NS.retraction, NS.tombstones]
/** What asks about an archive may come from anybody, and is answered: XEP-0313 §7.1. */
const ANYBODY = { access: 'any' } as const

/** What goes to the next home of an account. */
interface PackedArchive {
  readonly progress?: PackedProgress
  readonly devices?: readonly PackedDevice[]
}

/** How long after the start it is looked for what the last process has left to do, in ms. */
const TAKEN_UP_MS = 10_000

export default defineExtension({
  name: 'archive',
  doc: 'Keeps the messages of users, for all their devices',
  xeps: [
    { xep: 59, version: '1.0', status: 'partial', note: 'by ids; no place by its number' },
    {
      xep: 313,
      version: '1.1.3',
      status: 'complete',
      note: 'archives of users; those of rooms are with muc',
    },
    { xep: 424, version: '0.4.2', status: 'complete', note: 'with tombstones' },
    { xep: 441, version: '0.2.0', status: 'complete' },
  ],
  features: { server: FEATURES, account: FEATURES },
  requires: [hints, stanzaIds],
  options: {
    keep: option.text({
      doc: 'How long messages are archived: `always`, a number of days, as `365d`, or `until-delivered`: until all devices of a user have them',
      default: 'always',
    }),
    'device-days': option.integer({
      doc: 'With `until-delivered`: how long messages wait for a device that does not return',
      default: 30,
      min: 1,
      max: 3_650,
      unit: 'days',
    }),
    'undelivered-days': option.integer({
      doc: 'With `until-delivered`: how long messages wait at most',
      default: 90,
      min: 1,
      max: 3_650,
      unit: 'days',
    }),
    'results-per-query': option.integer({
      doc: 'Most results of one query; a client asks for the rest by the next one',
      default: 100,
      min: 1,
      max: 1_000,
      live: true,
    }),
  },
  setup(host, options): Registrations<MessageArchive> {
    const archive = host.storage.archive('messages')
    const preferences = new Preferences(host, host.find(roster))
    const retractions = new Retractions(host, archive)
    const takingUp = host.clock.after(TAKEN_UP_MS, () => host.background.run('archive', retractions.takeUp()))
    const { age, patience } = retentionOf(options, host.domain)
    const undelivered = patience === undefined ? undefined : new UntilDelivered(host, archive, patience)
    const backlog = new Backlog(host, archive, undelivered)
    const recorder = new Recorder({
      host,
      archive,
      backlog,
      preferences,
      retractions,
      undelivered,
      hints: host.use(hints),
    })
    const most = () => options['results-per-query']
    const queries = new Queries({ host, archive, backlog, most, undelivered })
    const keeper = age === undefined ? undefined : keepFor(age, host, archive)
    return {
      iq: [
        get(NS.archive, 'query', 'account', iq => queries.form(iq), ANYBODY),
        set(NS.archive, 'query', 'account', iq => queries.query(iq), ANYBODY),
        get(NS.archive, 'metadata', 'account', iq => queries.metadata(iq), ANYBODY),
        get(NS.archive, 'prefs', 'account', iq => preferences.read(iq), ANYBODY),
        set(NS.archive, 'prefs', 'account', iq => preferences.write(iq), ANYBODY),
      ],
      // XEP-0386 §3.2: whoever is bound so is told of the archive, and fetches what is there: it is not handed that as offline messages.
      binding: [{ handler: session => queries.bound(session) }],
      stages: [
        // ARCHITECTURE §6: no client sends results. Those of others (rooms, servers) pass.
        stage('stamp', { kind: 'message', side: 'sender', child: ['result', NS.archive] }, message =>
          message.without((name, ns) => ns === NS.archive && name === 'result'),
        ),
        ...SIDES.map(side =>
          stage('record', { kind: 'message', side }, (message, at) => recorder.record(message, at)),
        ),
        // One that sees all messages is cheaper than one that has to be picked by a child.
        ...SIDES.map(side =>
          stage('copy', { kind: 'message', side }, (message, { owner }) => {
            if (message.has('retract', NS.retraction)) retractions.carryOn(owner)
          }),
        ),
        stage('outcome', RECIPIENT, (message, { owner }, outcome) => backlog.settle(message, owner, outcome)),
      ],
      on: {
        notify: ({ owner, message, number }) => backlog.missed(owner, message, number),
        'session:closed': ({ session }) => {
          if (session.unaccounted) backlog.doubts(session.jid.bare)
          if (host.sessions(session.jid).length === 0) backlog.left(session.jid.bare)
          return undelivered?.left(session)
        },
        'user:removed': ({ owner }) => {
          preferences.forget(owner)
          backlog.forget(owner)
          undelivered?.forget(owner)
        },
        ...(undelivered && {
          'delivery:acknowledged': ({ jid, sent }) => undelivered.acknowledged(jid, sent),
        }),
      },
      ...(undelivered && { atHome: { 'archive:had': (owner, had) => undelivered.had(owner, had) } }),
      stop: () => {
        takingUp.cancel()
        keeper?.stop()
        undelivered?.stop()
      },
      moving: {
        owners: () => undelivered?.news ?? [],
        pack: owner => ({ progress: backlog.pack(owner), devices: undelivered?.pack(owner) }),
        unpack: (owner, packed) => {
          const { progress, devices } = packed as PackedArchive
          if (progress !== undefined) backlog.unpack(owner, progress)
          if (devices !== undefined) undelivered?.unpack(owner, devices)
        },
        forget: which => {
          for (const one of [preferences, backlog, undelivered]) one?.drop(which)
        },
      },
      sent: (account, since) => sentBy(archive, account, since),
      provides: { takes: (message, at) => recorder.takes(message, at), backlog },
    }
  },
})
