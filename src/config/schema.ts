/** Every key of the configuration: what it holds, its default and what it is for. The reference and the JSON schema come from here. */
import type { Extension } from '../core/extension.ts'
import { option } from '../core/options.ts'
import { CLUSTER } from './cluster-fields.ts'
import { type AllValues, extensionFields, type OwnValues, ownExtensionFields } from './extension-fields.ts'
import {
  choice,
  type Dictionary,
  type Fields,
  integer,
  type Leaf,
  type List,
  later,
  optionalSection,
  requiredText,
  section,
  switchable,
  text,
  type Value,
} from './fields.ts'
import { ADDRESS, DOMAIN, ENDPOINT, LOCATION, NETWORK, ORIGIN, PATH } from './formats.ts'
import { LIMITS } from './limits.ts'
import { STORAGE } from './storage-fields.ts'

const FEDERATION = 'federation with other servers'

/** A certificate chain and its key. */
const pair = (doc: string) =>
  optionalSection(doc, {
    certificate: requiredText('PEM file of the certificate, followed by those that it was signed by.', PATH),
    key: requiredText('PEM file of its private key.', PATH),
  })

const host = section('One domain.', {
  name: requiredText('The domain: the part of an address behind the @.', DOMAIN),
  tls: pair(
    'A certificate for this domain alone. Absent: the one of `tls`, or whichever is valid for the name.',
  ),
})

const component = section('One component.', {
  name: requiredText('Its domain, which is no host.', DOMAIN),
  secret: requiredText('What it shows to be let in; best taken from the environment.'),
})

const hosts: List<typeof host> = {
  kind: 'list',
  doc: 'The domains served here.',
  of: host,
  default: [{ name: 'localhost', tls: undefined }],
}

const components: List<typeof component> = {
  kind: 'list',
  doc: 'External components (XEP-0114): programs that serve a domain of their own, such as a gateway.',
  of: component,
  default: [],
}

const address: Leaf<readonly string[] | undefined> = {
  kind: 'texts',
  doc: 'Where to listen: an IP address, or a list of them.',
  default: undefined,
  defaultDoc: 'loopback while `localhost` is the only host, else all addresses',
  format: ADDRESS,
  single: true,
}

const port = (number: number) =>
  integer({ doc: 'The TCP port; 0 takes a free one.', default: number, min: 0, max: 65535 })

const seconds = (doc: string, value: number, min: number, max: number) =>
  integer({ doc, default: value, unit: 'seconds', min, max })

/** What is for the operator alone. */
const loopback: Leaf<readonly string[] | undefined> = {
  kind: 'texts',
  doc: 'Where to listen: an IP address, or a list of them. Anybody who reaches it may ask.',
  default: ['127.0.0.1', '::1'],
  format: ADDRESS,
  single: true,
}

const trustedProxies: Leaf<readonly string[]> = {
  kind: 'texts',
  doc: 'Addresses of proxies whose connections start with a PROXY protocol header (v1 or v2) that says where the client is.',
  default: [],
  format: NETWORK,
  single: true,
}

const httpTls: Leaf<boolean | undefined> = {
  kind: 'boolean',
  doc: 'Whether to speak HTTPS. Without it passwords may pass in clear text: only on this machine, or behind a proxy that encrypts.',
  default: undefined,
  defaultDoc: '`false` where the address is loopback, else `true`',
}

const overrides: Dictionary = {
  kind: 'dictionary',
  doc: 'Where to reach a domain, instead of asking DNS.',
  keys: DOMAIN,
  values: ENDPOINT,
}

const workers: Leaf<number | 'auto'> = {
  kind: 'integer',
  doc: 'How many processes serve clients, at the same ports: `auto` is one for each core. With more than one, a further process has the storage.',
  default: 1,
  min: 1,
  max: 256,
  auto: true,
}

const resumeLocation: Leaf<string | undefined> = {
  kind: 'text',
  doc: 'Where a client is to come to resume its session (XEP-0198): a host, or a host and a port, of this node alone. For nodes that clients reach by addresses of their own; any other node takes the client, too, and fetches its session.',
  default: undefined,
  defaultDoc: 'where clients connect anyway',
  format: LOCATION,
}

/** The keys that are there whatever extensions there are. */
const CORE_FIELDS = {
  hosts,
  data: {
    ...text({
      doc: 'The folder of everything that is kept: database, own certificate, control socket. Like all paths here it may be relative to the folder that the server is started in.',
      default: './data',
    }),
    format: PATH,
  } as Leaf<string>,
  listeners: section('Where the server can be reached; `false` switches a listener off.', {
    xmpp: switchable('Clients over TCP, with STARTTLS.', true, {
      address,
      port: port(5222),
      tls: choice({
        doc: 'Whether clients must encrypt. With `offered` or `off` passwords may pass in clear text: only for tests, or behind a proxy that encrypts.',
        default: 'required',
        choices: ['required', 'offered', 'off'],
      }),
      'trusted-proxies': trustedProxies,
    }),
    'xmpp-tls': switchable('Clients over TLS from the first byte (XEP-0368).', true, {
      address,
      port: port(5223),
      'trusted-proxies': trustedProxies,
    }),
    server: later(
      switchable('Other servers. Until then other domains get remote-server-not-found.', false, {
        address,
        port: port(5269),
      }),
      FEDERATION,
    ),
    components: switchable(
      'External components (XEP-0114), if there are any; their connections are not encrypted.',
      true,
      {
        address: { ...address, default: ['127.0.0.1'], defaultDoc: 'loopback' },
        port: port(5347),
      },
    ),
    http: switchable(
      'Clients over WebSocket and BOSH, the web chat and what else the server has for browsers.',
      true,
      {
        address,
        port: port(5280),
        tls: httpTls,
        'trusted-proxies': {
          ...trustedProxies,
          doc: 'Addresses of proxies that are believed what they say in X-Forwarded-For and X-Forwarded-Proto.',
        },
        origins: {
          ...option.texts({
            doc: 'Web sites that may connect by WebSocket and BOSH, beside this server itself; `*` is any.',
            default: [],
          }),
          format: ORIGIN,
          single: true,
        } as Leaf<readonly string[]>,
        bosh: switchable(
          'Clients over BOSH (XEP-0124) at `/bosh`: for networks that let no WebSocket through.',
          true,
          {
            'wait-seconds': seconds('How long a request waits for something to send.', 60, 1, 300),
            'inactivity-seconds': seconds('How long a client may have no request here.', 60, 5, 600),
            'pause-seconds': seconds('The same where the client says so before.', 120, 5, 3_600),
          },
        ),
        'web-chat': option.boolean({ doc: 'Whether `/` is a chat client for the browser.', default: true }),
      },
    ),
    metrics: switchable(
      'For the operator: /health and /metrics (Prometheus) over HTTP. They say how many, not who.',
      true,
      {
        address: loopback,
        port: port(5281),
      },
    ),
  }),
  components,
  tls: pair('The certificate of all hosts without their own. Absent: a self-made one, kept in `data`.'),
  workers,
  storage: STORAGE,
  cluster: CLUSTER,
  sessions: section('Connected clients.', {
    conflict: choice({
      doc: 'A client asks for a resource that is connected already: `replace` closes the older one, `refuse` the newer one, `rename` gives the newer one another resource. A session whose connection broke and that waits to be resumed makes room in any case.',
      default: 'replace',
      choices: ['replace', 'refuse', 'rename'],
    }),
    'resume-seconds': integer({
      doc: 'How long a client whose connection broke may take to resume its session without loss (XEP-0198). 0: sessions end with their connections.',
      default: 300,
      min: 0,
      max: 86_400,
      unit: 'seconds',
    }),
    'resume-location': resumeLocation,
    sasl2: option.boolean({
      doc: 'Whether clients may sign in, bind a resource and resume in one go (XEP-0388, XEP-0386), beside the older way.',
      default: true,
    }),
  }),
  limits: LIMITS,
  federation: section('Other servers.', { overrides: later(overrides, FEDERATION) }),
  log: section('What the server says about itself, as JSON lines on standard error.', {
    level: choice({
      doc: 'The least important lines to write.',
      default: 'info',
      choices: ['error', 'warn', 'info', 'debug'],
    }),
  }),
} satisfies Fields

/** All keys: those of the core, and the options that the extensions declare, for all hosts and for each. */
export function allFields(extensions: readonly Extension[]) {
  const one = { ...host, fields: { ...host.fields, extensions: ownExtensionFields(extensions) } }
  return { ...CORE_FIELDS, hosts: { ...hosts, of: one }, extensions: extensionFields(extensions) }
}

type Core = { readonly [K in keyof typeof CORE_FIELDS]: Value<(typeof CORE_FIELDS)[K]> }

/** What a file says once it is checked. */
export type Checked = Omit<Core, 'hosts'> & {
  readonly hosts: readonly (Core['hosts'][number] & { readonly extensions?: OwnValues })[]
  readonly extensions: AllValues
}
