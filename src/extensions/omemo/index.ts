/** XEP-0384: OMEMO Encryption, as far as a server can help: bundles of keys that cannot be used are found when they are published. */
import { StanzaError } from '../../core/errors.ts'
import { defineExtension } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { parseElement } from '../../xml/stored.ts'
import { signalLibrary } from '../curve25519.ts'
import pubsub from '../pubsub/index.ts'
import { current, isNumber, legacy, type Verdict, type Version } from './bundles.ts'

const VERSIONS = { legacy, current }
const RESULTS = ['good', 'bad', 'unchecked'] as const

export default defineExtension({
  name: 'omemo',
  doc: 'Checks the signatures of the keys that clients publish for OMEMO: a device whose keys are damaged gets no messages that it can read',
  xeps: [
    {
      xep: 384,
      version: '0.9.1',
      status: 'partial',
      note: 'bundles are checked; the nodes are those of pubsub',
    },
  ],
  optIn: true,
  requires: [pubsub],
  options: {
    refuse: option.boolean({
      doc: 'Refuse bundles that cannot be used; otherwise they are only logged and counted',
      default: false,
      live: true,
    }),
  },
  setup(host, options) {
    const counters = Object.fromEntries(
      Object.keys(VERSIONS).flatMap(version =>
        RESULTS.map(result => [
          `${version} ${result}`,
          host.metrics.counter('tidings_omemo_bundles_total', 'Bundles of keys that clients have published', {
            host: host.domain,
            version,
            result,
          }),
        ]),
      ),
    )
    // Null: it cannot be known.
    const judge = async (version: Version, device: string, payload: string): Promise<Verdict | null> => {
      if (!isNumber(device)) return 'it is of no device'
      const library = version.needsLibrary ? await signalLibrary(host.log) : undefined
      if (version.needsLibrary && library === undefined) return null
      return version.judge(parseElement(payload), library)
    }
    host.use(pubsub).inspect(async (owner, node, { id, payload }) => {
      const found = Object.entries(VERSIONS).find(([, version]) => version.has(node))
      // What is at the service is of no device.
      if (found === undefined || payload === undefined || owner.local === '') return
      const [name, version] = found
      const device = version.device(node, id)
      const wrong = await judge(version, device, payload)
      const result = wrong === null ? 'unchecked' : wrong === undefined ? 'good' : 'bad'
      counters[`${name} ${result}`]!.value++
      if (wrong == null) return
      const { refuse } = options
      host.log.warn(
        { code: 'TIDINGS_OMEMO_BUNDLE', owner, ...(isNumber(device) && { device }), wrong, refused: refuse },
        'a bundle of OMEMO cannot be used',
      )
      if (refuse) throw new StanzaError('not-acceptable', { text: `this bundle cannot be used: ${wrong}` })
    })
    return {}
  },
})
