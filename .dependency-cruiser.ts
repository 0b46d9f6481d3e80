/**
 * The layers of ARCHITECTURE §4 as rules. `npm run layers` checks them (scripts/layers.ts), test/frame/layers.test.ts proves that they bite.
 * To let a layer use another one, change LAYERS: that is a decision about the architecture, so it wants a decision record.
 */
import type { IForbiddenRuleType } from 'dependency-cruiser'

interface Layer {
  readonly values?: readonly string[]
  readonly types?: readonly string[]
}

/**
 * Each layer with what it may import: `values` anything, `types` only by `import type`.
 * A layer may always import itself. Names are folders of src, or files in them without ".ts".
 */
const LAYERS: Readonly<Record<string, Layer>> = {
  xml: {},
  core: { values: ['xml', 'cluster/slots'], types: ['storage/types', 'cluster/types'] },
  storage: { values: ['xml', 'v8'] },
  cluster: { values: ['xml'], types: ['storage/types'] },
  tls: { values: ['xml', 'core/errors', 'core/log'] },
  auth: { values: ['core', 'xml', 'storage/types'] },
  config: { values: ['core', 'xml'] },
  extensions: { values: ['core', 'xml', 'storage/types', 'cluster/types'] },
  http: { values: ['core', 'xml', 'tls'] },
  c2s: { values: ['core', 'xml', 'auth', 'tls'] },
  components: { values: ['core', 'xml', 'c2s'] },
  operations: { values: ['config', 'core', 'xml', 'tls'], types: ['storage/types'] },
  workers: {
    values: [
      'main',
      'back-ends',
      'monitoring',
      'listen',
      'cluster',
      'storage',
      'operations',
      'config',
      'core',
      'cli/control/socket-path',
    ],
    types: ['server', 'cli/control/protocol', 'tls/certificates'],
  },
  cli: {
    values: [
      'main',
      'workers',
      'print-config',
      'restore',
      'back-ends',
      'operations',
      'config',
      'auth',
      'core',
      'xml',
      'tls',
      'v8',
    ],
    types: ['storage/types'],
  },
}

/** Packages and parts of Node that only named files may import. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  'prom-client': ['src/operations/exporter\\.ts'],
  ltx: ['src/xml/element\\.ts', 'src/xml/ltx\\.d\\.ts'],
  yaml: ['src/config/'],
  fastify: ['src/http/'],
  '@fastify/static': ['src/http/'],
  ws: ['src/c2s/websocket\\.ts'],
  'node:sqlite': ['src/storage/sqlite/'],
  ioredis: ['src/storage/redis', 'src/cluster/redis'],
  'cassandra-driver': ['src/storage/cassandra/'],
  '@aws-sdk': ['src/storage/s3\\.ts'],
  'firebase-admin': ['src/extensions/push/'],
  '@signalapp/libsignal-client': ['src/extensions/'],
}

/** Layers that do no I/O, and the parts of Node that would be it. */
const PURE = '^src/(xml|core|extensions)/'
const IO = '^(node:)?(fs|net|tls|http|https|http2|dgram|dns|child_process|cluster|worker_threads|sqlite)(/|$)'

function layerRules([name, { values = [], types = [] }]: [string, Layer]): IForbiddenRuleType[] {
  const from = { path: `^src/${name}/` }
  const may = (names: readonly string[]): string =>
    `^src/(${[name, ...names].map(one => (one.includes('/') ? `${one}\\.ts$` : `${one}(/|\\.ts$)`)).join('|')})`
  const told = [...values, ...types.map(one => `${one} (types only)`)].join(', ') || 'nothing else'
  return [
    {
      name: `layer-${name}`,
      comment: `src/${name} may import: ${told}`,
      severity: 'error',
      from,
      to: { path: '^src/', pathNot: may(values), dependencyTypesNot: ['type-only'] },
    },
    {
      name: `layer-${name}-types`,
      comment: `src/${name} may import types of: ${told}`,
      severity: 'error',
      from,
      to: { path: '^src/', pathNot: may([...values, ...types]), dependencyTypes: ['type-only'] },
    },
  ]
}

function onlyIn([what, files]: [string, readonly string[]]): IForbiddenRuleType {
  return {
    name: `only-in-${what.replace(/[^a-z0-9]+/g, '-')}`,
    comment: `only ${files.join(', ').replaceAll('\\', '')} may import ${what}`,
    severity: 'error',
    from: { path: '^src/', pathNot: `^(${files.join('|')})` },
    // A part of Node is resolved without its prefix.
    to: { path: `(^|node_modules/)${what.replace('node:', '(node:)?')}(/|$)` },
  }
}

export const forbidden: IForbiddenRuleType[] = [
  ...Object.entries(LAYERS).flatMap(layerRules),
  {
    name: 'layer-unknown',
    comment: 'a folder of src that has no layer: name it in LAYERS',
    severity: 'error',
    from: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(LAYERS).join('|')})/` },
    to: {},
  },
  ...Object.entries(ONLY_IN).map(onlyIn),
  {
    name: 'no-io',
    comment: 'xml, core and extensions open no file, socket, process or thread',
    severity: 'error',
    // The version of the program is read from package.json, once.
    from: { path: PURE, pathNot: '^src/core/software\\.ts$' },
    to: { path: IO },
  },
  {
    name: 'extension-definition',
    comment: 'an extension knows another one by its definition only: its file, or index.ts of its folder',
    severity: 'error',
    from: { path: '^src/extensions/([^/]+)' },
    to: { path: '^src/extensions/[^/]+/', pathNot: '^src/extensions/($1/|[^/]+/index\\.ts$)' },
  },
  {
    name: 'no-cycle',
    comment: 'modules that need each other to run; cycles of types alone are allowed inside core',
    severity: 'error',
    from: { path: '^src/' },
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'no-type-cycle',
    comment: 'modules that name each other in types, outside core',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/core/' },
    to: { circular: true },
  },
  {
    name: 'src-alone',
    comment: 'what is shipped needs nothing of tests, benchmarks and scripts',
    severity: 'error',
    from: { path: '^(src|bin)/' },
    to: { path: '^(test|bench|scripts)/' },
  },
  {
    name: 'no-dev-packages',
    comment: 'what is shipped imports only packages listed under "dependencies"',
    severity: 'error',
    from: { path: '^(src|bin)/' },
    to: {
      dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
      // A type costs nothing at run time.
      dependencyTypesNot: ['type-only'],
      pathNot: 'node_modules/@types/',
    },
  },
  {
    name: 'resolvable',
    comment: 'an import of something that is not there',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
]

export const options = {
  doNotFollow: { path: 'node_modules' },
  // Type-only imports count too: layers are about knowing, not about loading.
  tsPreCompilationDeps: true,
  enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
}
