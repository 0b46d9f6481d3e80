/** Somebody claims keys of an account: what is given is gone before it is given. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Bundle, ClaimEntry, PerKind, SignedKey } from './keys.ts'
import { type DeviceRow, isThere, type KeyStore, type Stocked } from './store.ts'

/** A device of which keys were given. */
export interface Given {
  readonly bundle: Bundle
  /** Keys that were left before, and are now. */
  readonly before: PerKind<number>
  readonly left: PerKind<number>
}

/**
 * Takes one key of each kind of each of these devices, of all where there are none named, and gives them once it is stored that they are
 * gone. A commit that fails gives nothing: whether its keys are still there or not, nobody has got them. In the owner's lane.
 * Rejects with a StanzaError.
 */
export async function claim(
  { storage, log, clock }: Pick<Host, 'storage' | 'log' | 'clock'>,
  store: KeyStore,
  owner: JID,
  by: JID,
  wanted: readonly number[],
  most: { readonly logged: number },
): Promise<readonly Given[]> {
  const devices = [...(await store.devices(owner))].filter(
    (entry): entry is [number, DeviceRow] =>
      isThere(entry[1]) && (wanted.length === 0 || wanted.includes(entry[0])),
  )
  if (devices.length === 0) throw new StanzaError('item-not-found')
  const writes: Write[] = []
  const given = await Promise.all(
    devices.map(async ([device, row]) => {
      const [oneTime, kyber] = await Promise.all([
        store.first(owner, device, 'oneTime'),
        store.first(owner, device, 'kyber'),
      ])
      const left = { oneTime: after(row.left.oneTime, oneTime), kyber: after(row.left.kyber, kyber) }
      const taken = [oneTime.key, kyber.key].filter(key => key !== undefined)
      writes.push(...store.deleteKeys(owner, taken.map(rowOf)))
      if (taken.length > 0) writes.push(store.putDevice(owner, device, { ...row, left }))
      return { bundle: bundleOf(device, row, oneTime.key, kyber.key), before: row.left, left }
    }),
  )
  const account = await store.account(owner)
  const number = account.claims + 1
  const entry = { time: clock.now(), by: by.toString(), given: given.map(one => told(one.bundle)) }
  writes.push(
    store.putAccount(owner, { ...account, claims: number }),
    ...(await store.logged(owner, number, entry, most.logged)),
  )
  await commit(storage, writes, log)
  return given
}

function bundleOf(
  device: number,
  { registration, identity, signed, lastResort }: DeviceRow,
  oneTime: Stocked | undefined,
  kyber: Stocked | undefined,
): Bundle {
  return {
    device,
    registration,
    identity,
    signed,
    oneTime: oneTime?.item,
    kyber:
      kyber === undefined
        ? { ...lastResort, lastResort: true }
        : { ...(kyber.item as SignedKey), lastResort: false },
  }
}

function told({ device, oneTime, kyber }: Bundle): ClaimEntry['given'][number] {
  return {
    device,
    ...(oneTime && { oneTime: oneTime.id }),
    kyber: kyber.id,
    ...(kyber.lastResort && { lastResort: true }),
  }
}

/** How many are left when the first one is taken: what is counted is set right where it can be seen. */
function after(left: number, { key, more }: { readonly key?: Stocked; readonly more: boolean }): number {
  if (key === undefined || !more) return 0
  return Math.max(1, left - 1)
}

function rowOf({ row }: Stocked): string {
  return row
}
