/** What tests need from the operating system: other clients, a C compiler, another XML parser. */
import { spawnSync } from 'node:child_process'

interface Need {
  /** Debian's packages. */
  readonly packages: readonly string[]
  /** Succeeds where it is there. */
  readonly probe: readonly [string, ...string[]]
  readonly what: string
  /** Needed by `npm run test:full` alone. */
  readonly full?: boolean
}

const NEEDS: readonly Need[] = [
  {
    packages: ['python3', 'python3-slixmpp'],
    // Debian's own Python: another one before it in PATH does not see Debian's modules.
    probe: ['/usr/bin/python3', '-c', 'import slixmpp, pyexpat'],
    what: 'the client slixmpp, and libexpat by way of Python',
  },
  {
    packages: ['gcc', 'libc6-dev'],
    probe: ['sh', '-c', 'echo "#include <dlfcn.h>" | cc -E - > /dev/null'],
    what: 'a C compiler, for the library that drops unsynced writes',
  },
  {
    packages: ['chromium'],
    probe: ['/usr/bin/chromium', '--version'],
    what: 'the browser Chromium, for the web chat',
  },
  {
    packages: ['openjdk-17-jre-headless', 'maven'],
    probe: ['sh', '-c', 'java -version && mvn -version'],
    what: 'Java 17 and Maven, for Cassandra',
    full: true,
  },
  { packages: ['openssl'], probe: ['openssl', 'version'], what: 'openssl, for certificates' },
]

/** Installs what is missing where that is possible (root on Debian), else says what will be skipped. */
export function installPackages(): void {
  const needs = NEEDS.filter(({ full = false }) => !full || process.env.TIDINGS_FULL === '1')
  const missing = needs.filter(({ probe: [program, ...args] }) => spawnSync(program, args).status !== 0)
  if (missing.length === 0) return
  const packages = missing.flatMap(need => need.packages)
  const able = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
  if (able && apt('update') && apt('install', '--yes', '--no-install-recommends', ...packages)) {
    console.log(`installed ${packages.join(', ')}`)
    return
  }
  for (const { what } of missing) console.log(`not here: ${what}`)
  console.log(`tests that need it are skipped. As root: apt-get install ${packages.join(' ')}`)
}

function apt(...args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stderr } = spawnSync('apt-get', ['--quiet', ...args], { env, encoding: 'utf8' })
  if (status !== 0) console.error(`apt-get ${args[0]} failed:\n${stderr}`)
  return status === 0
}
