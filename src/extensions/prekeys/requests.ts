/** What clients ask, and how they are answered: docs/protocol/prekeys.md. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { ownSession } from '../../core/iq.ts'
import type { Maybe } from '../../core/maybe.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { claim } from './claiming.ts'
import type { Devices } from './devices.ts'
import type { Bundle, ClaimEntry, DeviceLine, NumberedKey, SignedKey, Stock } from './keys.ts'
import type { Notices } from './notices.ts'
import type { KeyStore } from './store.ts'
import { deviceNumber, readUpload } from './upload.ts'
import { take, type UploadLimits } from './uploading.ts'
import { verify } from './verification.ts'

const HOUR_MS = 60 * 60 * 1_000
/** Devices that one claim can name. */
const MOST_NAMED = 100

/** What requests need; limits are read at each use. */
export interface RequestParts {
  readonly host: Host
  readonly store: KeyStore
  readonly devices: Devices
  readonly notices: Notices
  readonly limits: UploadLimits & {
    readonly claimsPerHour: number
    readonly claimsPerContact: number
    readonly uploadsPerHour: number
    readonly logged: number
  }
}

export async function upload(parts: RequestParts, iq: IqContext): Promise<Element> {
  const { host, store, limits } = parts
  const { owner, payload } = iq
  ownSession(iq)
  const uploaded = readUpload(payload)
  await requireRoom(host, `prekeys up ${owner}`, limits.uploadsPerHour)
  await verify(uploaded, host.log)
  const stock = await inLane(parts, owner, async () => {
    // It may have been removed while keys were checked.
    if (!(await host.accounts.exists(owner))) throw new StanzaError('service-unavailable')
    return take(host, store, owner, uploaded, limits)
  })
  return stockElement(stock)
}

export async function claimed(parts: RequestParts, { owner, payload, stanza }: IqContext): Promise<Element> {
  const { host, store, notices, limits } = parts
  const by = stanza.from.bare
  // As of an account that is not there. Of other servers people come with federation.
  if (by.local === '' || host.router.host(by.domain) === undefined)
    throw new StanzaError('service-unavailable')
  if (!(await host.accounts.exists(owner))) throw new StanzaError('service-unavailable')
  const named = payload.getChildren('device', NS.prekeys)
  if (named.length > MOST_NAMED) throw new StanzaError('bad-request', { text: 'there are too many devices' })
  const wanted = named.map(({ attrs }) => deviceNumber(attrs.id))
  await requireRoom(host, `prekeys by ${by}`, limits.claimsPerHour)
  await requireRoom(host, `prekeys by ${by} of ${owner}`, limits.claimsPerContact)
  const given = await inLane(parts, owner, async () => {
    const all = await claim(host, store, owner, by, wanted, limits)
    notices.given(owner, all)
    return all
  })
  return xml(
    'claim',
    { xmlns: NS.prekeys },
    given.map(({ bundle }) => bundleElement(bundle)),
  )
}

export async function list(parts: RequestParts, iq: IqContext): Promise<Element> {
  ownSession(iq)
  const lines = await inLane(parts, iq.owner, () => parts.devices.list(iq.owner))
  return xml('devices', { xmlns: NS.prekeys }, lines.map(lineElement))
}

export async function remove(parts: RequestParts, iq: IqContext): Promise<undefined> {
  ownSession(iq)
  const device = deviceNumber(iq.payload.attrs.device)
  if (!(await inLane(parts, iq.owner, () => parts.devices.remove(iq.owner, device))))
    throw new StanzaError('item-not-found')
  return undefined
}

export async function claims(parts: RequestParts, iq: IqContext): Promise<Element> {
  ownSession(iq)
  const entries = await parts.store.claims(iq.owner, parts.limits.logged)
  return xml('claims', { xmlns: NS.prekeys }, entries.map(entryElement))
}

/** Nothing is written for an account that is being removed. */
async function inLane<T>({ host }: RequestParts, owner: JID, task: () => Maybe<T>): Promise<T> {
  return host.router.homes.inLane(owner, ({ forgotten }) => {
    if (forgotten) throw new StanzaError('service-unavailable')
    return task()
  })
}

async function requireRoom(host: Host, key: string, perHour: number): Promise<void> {
  if (!(await host.storage.ephemeral.take(key, perHour, HOUR_MS)))
    throw new StanzaError('resource-constraint', { text: 'too many in an hour: try later' })
}

function stockElement({ left, greatest, aside }: Stock): Element {
  return xml('stock', {
    xmlns: NS.prekeys,
    'one-time': String(left.oneTime),
    kyber: String(left.kyber),
    'greatest-one-time': String(greatest.oneTime),
    'greatest-kyber': String(greatest.kyber),
    aside: String(aside),
  })
}

function bundleElement({ device, registration, identity, signed, oneTime, kyber }: Bundle): Element {
  const { lastResort, ...last } = kyber
  return xml(
    'device',
    { id: String(device), registration: String(registration) },
    xml('identity', {}, identity),
    keyElement('signed', signed),
    oneTime && keyElement('one-time', oneTime),
    keyElement(lastResort ? 'last-resort' : 'kyber', last),
  )
}

function keyElement(name: string, key: NumberedKey | SignedKey): Element {
  const signature = 'signature' in key ? key.signature : undefined
  return xml(name, { id: String(key.id), signature }, key.key)
}

function lineElement({ device, keys, omemo }: DeviceLine): Element {
  return xml('device', {
    id: String(device),
    ...(keys && {
      'one-time': String(keys.left.oneTime),
      kyber: String(keys.left.kyber),
      added: dateTime(keys.added),
      changed: dateTime(keys.changed),
    }),
    omemo: omemo ? 'true' : undefined,
  })
}

function entryElement({ time, by, given }: ClaimEntry): Element {
  const devices = given.map(({ device, oneTime, kyber, lastResort }) =>
    xml('device', {
      id: String(device),
      'one-time': oneTime === undefined ? undefined : String(oneTime),
      [lastResort ? 'last-resort' : 'kyber']: String(kyber),
    }),
  )
  return xml('claimed', { at: dateTime(time), by }, devices)
}
