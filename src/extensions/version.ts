/** XEP-0092: Software Version. */
import { release, type } from 'node:os'
import { defineExtension, get } from '../core/extension.ts'
import { option } from '../core/options.ts'
import { software } from '../core/software.ts'
import { xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'

export default defineExtension({
  name: 'version',
  doc: 'Tells the name and version of the server',
  xeps: [{ xep: 92, version: '1.1', status: 'complete' }],
  features: { server: [NS.version] },
  options: {
    // XEP-0092 §5: an administrator must be able to keep the operating system to himself. Here that is the default.
    os: option.boolean({ doc: 'Tell the operating system too', default: false, live: true }),
  },
  setup: (_host, options) => ({
    iq: [
      get(NS.version, 'query', 'server', () =>
        xml(
          'query',
          { xmlns: NS.version },
          xml('name', {}, software.name),
          xml('version', {}, software.version),
          options.os && xml('os', {}, `${type()} ${release()}`),
        ),
      ),
    ],
  }),
})
