/** What processes of this machine use. Linux only: it reads /proc. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** USER_HZ of /proc/PID/stat. */
const TICKS = 100

/** Seconds of CPU that a process has used, all its threads together. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name in brackets may hold anything; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** Resident memory of a process, MiB. */
export function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024
}

/** Runs a task alone, where others measure on this machine, too: TIDINGS_BENCH_LOCK is the file that all of them lock. */
export async function alone<T>(task: () => Promise<T>): Promise<T> {
  const { TIDINGS_BENCH_LOCK: file } = process.env
  if (file === undefined) return task()
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo; read -r end'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  try {
    return await task()
  } finally {
    holder.stdin.end()
  }
}
