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
import { Preferences } from './preferences.ts'
import { Queries } from './queries.ts'
import { Recorder } from './recorder.ts'
import { keepFor, retentionOf } from './retention.ts'
import { Retractions } from './retractions.ts'

export type { Backlog } from './backlog.ts'

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
  }
}

const RECIPIENT = { kind: 'message', side: 'recipient' } as const
const FEATURES = [NS.archive, NS.extendedArchive, NS.retraction, NS.tombstones]
/** What asks about an archive may come from anybody, and is answered: XEP-0313 §7.1. */
const ANYBODY = { access: 'any' } as const

export default defineExtension({
  name: 'archive',
  doc: 'Keeps the messages of users, for all their devices',
  xeps: [
    { xep: 59, version: '1.0', status: 'partial', note: 'by ids; no place by its number' },
    { xep: 313, version: '1.1.3', status: 'complete', note: 'archives of users' },
    { xep: 424, version: '0.4.2', status: 'complete', note: 'with tombstones' },
    { xep: 441, version: '0.2.0', status: 'complete' },
  ],
  features: { server: FEATURES, account: FEATURES },
  requires: [hints, stanzaIds],
  options: {
    keep: option.text({
      doc: 'How long messages are archived: `always`, or a number of days, as `365d`',
      default: 'always',
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
    const backlog = new Backlog(host, archive)
    const recorder = new Recorder({
      host,
      archive,
      backlog,
      preferences,
      retractions,
      hints: host.use(hints),
    })
    const queries = new Queries(host, archive, backlog, () => options['results-per-query'])
    const retention = retentionOf(options.keep)
    const keeper = retention === undefined ? undefined : keepFor(retention, host, archive)
    return {
      iq: [
        get(NS.archive, 'query', 'account', iq => queries.form(iq), ANYBODY),
        set(NS.archive, 'query', 'account', iq => queries.query(iq), ANYBODY),
        get(NS.archive, 'metadata', 'account', iq => queries.metadata(iq), ANYBODY),
        get(NS.archive, 'prefs', 'account', iq => preferences.read(iq), ANYBODY),
        set(NS.archive, 'prefs', 'account', iq => preferences.write(iq), ANYBODY),
      ],
      stages: [
        // ARCHITECTURE §6: no client sends results. Those of others (rooms, servers) pass.
        stage('stamp', { kind: 'message', side: 'sender', child: ['result', NS.archive] }, message =>
          message.without((name, ns) => ns === NS.archive && name === 'result'),
        ),
        ...SIDES.map(side =>
          stage('record', { kind: 'message', side }, (message, at) => recorder.record(message, at)),
        ),
        stage('outcome', RECIPIENT, (message, { owner }, outcome) => backlog.settle(message, owner, outcome)),
      ],
      on: {
        notify: ({ owner, message, number }) => backlog.missed(owner, message, number),
        'session:closed': ({ session: { jid } }) => {
          if (host.sessions(jid).length === 0) backlog.left(jid.bare)
        },
        'user:removed': ({ owner }) => {
          preferences.forget(owner)
          backlog.forget(owner)
        },
      },
      stop: () => keeper?.stop(),
      provides: { takes: (message, at) => recorder.takes(message, at), backlog },
    }
  },
})
