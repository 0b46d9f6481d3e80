/**
 * `npm run lock`: adds to package-lock.json the platform packages that npm left out. With `--check` it only says whether any is missing.
 *
 * Tools with a binary list one optional package per platform. If the registry at hand lacks one for a foreign platform, `npm install` leaves it out
 * of the lock file, and `npm ci` then refuses the whole file as "not in sync", on every machine. With an entry that says for which platform it is,
 * `npm ci` skips it where it is of no use and fetches it where it is.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface LockEntry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

/** The part of a lock file that matters here. */
export interface Lock {
  packages: Record<string, LockEntry>
}

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url))
const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const PROCESSORS = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
]

/** Optional packages that some package of the lock wants and that have no entry, with the entry each should have. */
export function missingEntries({ packages }: Lock): Map<string, LockEntry> {
  const missing = new Map<string, LockEntry>()
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages))
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (places(path, name).some(place => packages[place] !== undefined)) continue
      if (!/^\d+\.\d+\.\d+\S*$/.test(version))
        throw new Error(`${path} wants ${name} ${version}: no exact version, so no entry can be made`)
      missing.set(`node_modules/${name}`, { version, ...(dev && { dev }), optional: true, ...platform(name) })
    }
  return missing
}

/** Where npm looks for a package that the one at `path` wants, nearest first. */
function places(path: string, name: string): string[] {
  const parts = path.split('/node_modules/')
  const parents = parts.map((_, index) => parts.slice(0, parts.length - index).join('/node_modules/'))
  return [...parents, ''].map(parent => `${parent === '' ? '' : `${parent}/`}node_modules/${name}`)
}

/** The platform that a package of binaries is for, by its name: `@biomejs/cli-linux-x64-musl`. */
function platform(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[-/.]/)
  const os = SYSTEMS.filter(system => words.includes(system))
  const cpu = PROCESSORS.filter(processor => words.includes(processor))
  if (os.length + cpu.length === 0) throw new Error(`for which platform is ${name}? Its name does not say`)
  const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : []
  return { ...(os.length > 0 && { os }), ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }) }
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(FILE, 'utf8')) as Lock
  const missing = missingEntries(lock)
  if (process.argv.includes('--check')) {
    for (const name of missing.keys()) console.error(`package-lock.json has no ${name}: npm run lock`)
    process.exitCode = missing.size === 0 ? 0 : 1
  } else if (missing.size > 0) {
    const packages = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) })
    packages.sort(([a], [b]) => (a < b ? -1 : 1))
    writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`)
  }
  console.log(`lock file: ${Object.keys(lock.packages).length} packages, ${missing.size} missing`)
}
