/**
 * Commits while the disk fails in every way and at every point, and prints one line of JSON for each trial; then waits to be killed.
 * Arguments: the folder of the data, the control file of power-cut.c.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import type { StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { FAULTS, type Fault, type Trial } from './disk-errors.ts'
import { say } from './say.ts'

const [folder, controlFile] = process.argv.slice(2) as [string, string]
const control = openSync(controlFile, 'r+')
const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
/** Fails for as long as it is set. */
const ALWAYS = 1_000_000
/** More than what makes a checkpoint due, in one item. */
const LARGE = 6_000_000

const problems: string[] = []
const storage = await openSqlite({ folder, onProblem: problem => void problems.push(problem.code) })
const table = storage.table<string>('rows', 'lww')
const archive = storage.archive('mam')
let next = 0
await commit('x')

for (const [name, fault] of Object.entries(FAULTS))
  for (const times of [1, ALWAYS])
    for (let after = 0; after < 24; after++) await trial(name, fault, after, times, 100)
// So many writes later the commit is done and the checkpoint is at work.
for (const [name, fault] of Object.entries(FAULTS))
  for (const after of fault === FAULTS.sync ? [1, 2, 3] : [3200, 3900, 4300])
    await trial(name, fault, after, ALWAYS, LARGE)

closeSync(control)
say('done')
setInterval(() => undefined, 60_000)

async function trial(name: string, fault: Fault, after: number, times: number, size: number): Promise<void> {
  problems.length = 0
  setControl(fault, after, times)
  const first = next
  const bodies = ['a', 'b', 'y'.repeat(size)]
  const results = await Promise.allSettled(bodies.map(commit))
  // The checkpoint comes after the answer; by the end of this it has been tried.
  await storage.settled().catch(() => undefined)
  const failed = failures()
  setControl(0, 0, 0)
  const rows = results.map((result, index) => ({
    n: first + index,
    outcome: result.status === 'fulfilled' ? 'stored' : (result.reason as StorageError).code,
  }))
  const seen = await Promise.all(rows.map(async ({ n }) => (await table.get(alice, String(n))) !== undefined))
  const after1 = await commit('z').then(
    () => 'stored',
    (error: StorageError) => error.code,
  )
  const line: Trial = {
    name: `${name} after ${after} calls, ${times === 1 ? 'once' : 'for good'}`,
    fault: name,
    failed,
    rows: rows.map((row, index) => ({ ...row, seen: seen[index]! })),
    next: { n: next - 1, outcome: after1 },
    problems: [...problems],
  }
  say(JSON.stringify(line))
}

async function commit(body: string): Promise<void> {
  const n = next++
  const payload = Buffer.from(`${n}`)
  const writes = [
    archive.append(alice, { peer: bob, payload }),
    archive.append(bob, { peer: alice, payload }),
  ]
  await storage.commit([table.put(alice, String(n), body), ...writes])
}

function setControl(fault: number, after: number, times: number): void {
  const numbers = new Uint32Array([0, after, times, 0])
  writeSync(control, numbers, 0, 16, 0)
  // The fault itself last: the rest counts from then on.
  writeSync(control, new Uint32Array([fault]), 0, 4, 0)
}

function failures(): number {
  const numbers = new Uint32Array(4)
  readSync(control, numbers, 0, 16, 0)
  return numbers[3]!
}
