/** A wall clock that is off, for a whole process: libfaketime of Debian, loaded before everything else. */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

const PACKAGE = 'libfaketime'

/**
 * The environment of a process whose wall clock is so many seconds ahead (or behind, below zero). Its monotonic clock is left alone, as it is where a
 * clock is set wrong: that counts from the start of the machine, whatever the time of day. Installs the library where it is missing.
 */
export function clockAhead(seconds: number): NodeJS.ProcessEnv {
  return {
    LD_PRELOAD: library() ?? installed(),
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    // Of files the real times are as good, and the library's `stat` is another one than Node's.
    NO_FAKE_STAT: '1',
  }
}

/** The one for programs with several threads; `lib` has a folder for each kind of machine. */
function library(): string | undefined {
  return globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0]
}

function installed(): string {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', PACKAGE]])
    spawnSync('apt-get', ['--quiet', ...args], { env })
  const found = library()
  if (found === undefined) throw new Error(`there is no ${PACKAGE} here: as root, apt-get install ${PACKAGE}`)
  return found
}
