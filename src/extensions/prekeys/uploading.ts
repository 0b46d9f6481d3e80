/** A device uploads keys: what is taken, and what is not. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { JID } from '../../xml/jid.ts'
import type { NumberedKey, SignedKey, Stock, Upload } from './keys.ts'
import { type DeviceRow, isThere, type KeyStore } from './store.ts'

/** How much an account may have. */
export interface UploadLimits {
  readonly devices: number
  /** Keys of one kind of one device. */
  readonly keys: number
}

/** Stores what was checked (verification.ts). In the owner's lane. Rejects with a StanzaError. */
export async function take(
  { storage, log, clock }: Pick<Host, 'storage' | 'log' | 'clock'>,
  store: KeyStore,
  owner: JID,
  upload: Upload,
  limits: UploadLimits,
): Promise<Stock> {
  const { device } = upload
  const known = await store.device(owner, device)
  const before = isThere(known) ? known : undefined
  const floor = known?.greatest ?? (await store.account(owner)).floor
  if (before === undefined) await requireRoom(store, owner, limits.devices)
  const { signed, lastResort, registration } = merged(before, upload, floor.kyber)

  const [oneTime, kyber] = await Promise.all([
    store.stock(owner, device, 'oneTime'),
    store.stock(owner, device, 'kyber'),
  ])
  const taken = {
    oneTime: fitting(upload.oneTime, floor.oneTime, limits.keys - oneTime.length),
    kyber: fitting(upload.kyber, floor.kyber, limits.keys - kyber.length),
  }
  requireOnce([
    signed,
    lastResort,
    ...[...oneTime, ...kyber].map(({ item }) => item),
    ...taken.oneTime,
    ...taken.kyber,
  ])
  // Two keys of Kyber with one number could not be told apart.
  if (taken.kyber.some(({ id }) => id === lastResort.id))
    throw new StanzaError('not-acceptable', { text: `there are two keys ${lastResort.id} of Kyber` })

  const now = clock.now()
  const left = {
    oneTime: oneTime.length + taken.oneTime.length,
    kyber: kyber.length + taken.kyber.length,
  }
  const greatest = {
    oneTime: Math.max(floor.oneTime, ...idsOf(taken.oneTime)),
    kyber: Math.max(floor.kyber, lastResort.id, ...idsOf(taken.kyber)),
  }
  const row: DeviceRow = {
    registration,
    identity: upload.identity,
    signed,
    lastResort,
    left,
    greatest,
    added: before?.added ?? now,
    changed: now,
  }
  const writes = [
    store.putDevice(owner, device, row),
    ...taken.oneTime.map(key => store.putKey(owner, device, 'oneTime', key)),
    ...taken.kyber.map(key => store.putKey(owner, device, 'kyber', key)),
  ]
  await commit(storage, writes, log)
  const came = upload.oneTime.length + upload.kyber.length
  return { left, greatest, aside: came - taken.oneTime.length - taken.kyber.length }
}

async function requireRoom(store: KeyStore, owner: JID, most: number): Promise<void> {
  const there = [...(await store.devices(owner)).values()].filter(isThere)
  if (there.length >= most)
    throw new StanzaError('resource-constraint', {
      type: 'cancel',
      text: `no more than ${most} devices have keys here: remove one`,
    })
}

/** What a device has that is given many times, after an upload. `greatest`: number of a key of Kyber that there has been. */
function merged(
  before: DeviceRow | undefined,
  upload: Upload,
  greatest: number,
): Pick<DeviceRow, 'signed' | 'lastResort' | 'registration'> {
  if (before !== undefined && before.identity !== upload.identity)
    throw new StanzaError('conflict', { text: 'this device has another identity key: remove it first' })
  const { signed = before?.signed, lastResort = before?.lastResort } = upload
  const registration = upload.registration ?? before?.registration
  if (signed === undefined || lastResort === undefined || registration === undefined)
    throw new StanzaError('not-acceptable', {
      text: 'a device comes with registration, <signed/> and <last-resort/> at first',
    })
  if (before !== undefined) requireNewer(before.signed, signed, before.signed.id)
  if (before === undefined || lastResort.id !== before.lastResort.id) requireGreater(lastResort, greatest)
  else requireNewer(before.lastResort, lastResort, greatest)
  return { signed, lastResort, registration }
}

/** The same key again does no harm: whoever got no answer uploads it once more. */
function requireNewer(before: SignedKey, now: SignedKey, least: number): void {
  if (now.id !== before.id) requireGreater(now, least)
  else if (now.key !== before.key)
    throw new StanzaError('not-acceptable', { text: `key ${now.id} was another one` })
}

function requireGreater({ id }: SignedKey, least: number): void {
  if (id <= least)
    throw new StanzaError('not-acceptable', { text: `the number of key ${id} is not greater than ${least}` })
}

/** Those of ordered keys that are new, as many as there is room for. */
function fitting<K extends NumberedKey>(keys: readonly K[], greatest: number, room: number): readonly K[] {
  return keys.filter(({ id }) => id > greatest).slice(0, Math.max(0, room))
}

/** A key that is there under two numbers would be given twice. */
function requireOnce(keys: readonly NumberedKey[]): void {
  const known = new Set<string>()
  for (const { id, key } of keys) {
    if (known.has(key)) throw new StanzaError('not-acceptable', { text: `key ${id} is there already` })
    known.add(key)
  }
}

function idsOf(keys: readonly NumberedKey[]): number[] {
  return keys.map(({ id }) => id)
}
