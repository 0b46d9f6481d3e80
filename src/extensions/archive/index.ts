/** XEP-0313: Message Archive Management: the archives of users. */
import { defineExtension, get, type Registrations, type Side, set, stage } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { NS } from '../../xml/ns.ts'
import hints from '../hints.ts'
import roster from '../roster/index.ts'
import stanzaIds from '../stanza-ids.ts'
import { Preferences } from './preferences.ts'
import { Queries } from './queries.ts'
import { Recorder } from './recorder.ts'
import { keepFor, retentionOf } from './retention.ts'
import { Retractions } from './retractions.ts'

const SIDES: readonly Side[] = ['sender', 'recipient']
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
  setup(host, options): Registrations<undefined> {
    const archive = host.storage.archive('messages')
    const preferences = new Preferences(host, host.find(roster))
    const retractions = new Retractions(host, archive)
    const recorder = new Recorder({ host, archive, preferences, retractions, hints: host.use(hints) })
    const queries = new Queries(host, archive, () => options['results-per-query'])
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
      ],
      on: { 'user:removed': ({ owner }) => preferences.forget(owner) },
      stop: () => keeper?.stop(),
      provides: undefined,
    }
  },
})
