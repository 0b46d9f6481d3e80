/** What clients ask, and how they are answered: docs/protocol/backup.md. */
import { randomUUID } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { type Backup, type BackupStore, PART, partsOf, type Stock, sizeOfPart } from './store.ts'

/** What requests need; limits are read at each use. */
export interface RequestParts {
  readonly host: Host
  readonly store: BackupStore
  readonly limits: {
    /** Bytes of one backup, and of all. */
    readonly each: number
    readonly all: number
    readonly number: number
  }
}

/** Uploads of one account at a time: another one ends the oldest. */
const MOST_UPLOADS = 2
/** Characters of a name. */
const MOST_NAME = 100

/** The backups that there are. */
export async function list({ store }: RequestParts, { owner }: IqContext): Promise<Element> {
  const { backups } = await store.of(owner)
  const shown = [...backups].map(([name, backup]) => backupElement(name, backup))
  return xml('backups', { xmlns: NS.backup }, shown)
}

/** An upload begins. The backup of the same name stays until it is whole. */
export async function begin(parts: RequestParts, { owner, payload }: IqContext): Promise<Element> {
  const { host, store, limits } = parts
  const name = nameIn(payload)
  const bytes = numberIn(payload, 'bytes')
  if (bytes < 1) throw new StanzaError('bad-request', { text: 'a backup has at least one byte' })
  if (bytes > limits.each)
    throw new StanzaError('not-acceptable', { text: `a backup has at most ${limits.each} bytes` })
  const stock = await store.of(owner)
  const instead = endedBy(stock, name)
  requireRoom(stock, instead, name, bytes, limits)
  const version = randomUUID()
  await store.begin(owner, version, { name, bytes, begun: host.clock.now() }, instead)
  return xml('upload', {
    xmlns: NS.backup,
    version,
    parts: String(partsOf(bytes)),
    'bytes-per-part': String(PART),
  })
}

/** A part of an upload; they may come in any order, and again. */
export async function part({ store }: RequestParts, { owner, payload }: IqContext): Promise<undefined> {
  const { version = '' } = payload.attrs
  const upload = await store.upload(owner, version)
  if (upload === undefined) throw noUpload()
  const index = numberIn(payload, 'index')
  if (index >= partsOf(upload.bytes)) throw new StanzaError('bad-request', { text: 'there is no such part' })
  const text = payload.getText().replaceAll(/\s/g, '')
  const size = sizeOfPart(upload.bytes, index)
  // Base64 as it is written: else a part could be something else than its bytes.
  if (Buffer.from(text, 'base64').toString('base64') !== text || Buffer.byteLength(text, 'base64') !== size)
    throw new StanzaError('bad-request', { text: `this part is ${size} bytes in Base64` })
  await store.put(owner, version, index, text)
  return undefined
}

/** An upload is whole. */
export async function finish({ host, store }: RequestParts, { owner, payload }: IqContext): Promise<Element> {
  const { version = '', sha256 = '' } = payload.attrs
  const upload = await store.upload(owner, version)
  if (upload === undefined) {
    // Whoever got no answer asks again.
    const found = [...(await store.of(owner)).backups].find(([, backup]) => backup.version === version)
    if (found !== undefined && found[1].sha256 === sha256) return backupElement(...found, NS.backup)
    throw noUpload()
  }
  const found = await store.hash(owner, version, upload)
  if (found === undefined) throw new StanzaError('unexpected-request', { text: 'parts are missing' })
  if (found !== sha256.toLowerCase())
    throw new StanzaError('not-acceptable', { text: `what has come has the SHA-256 ${found}` })
  const backup = { version, bytes: upload.bytes, sha256: found, at: host.clock.now() }
  await store.finish(owner, upload.name, backup)
  return backupElement(upload.name, backup, NS.backup)
}

/** A part of a backup. */
export async function read({ store }: RequestParts, { owner, payload }: IqContext): Promise<Element> {
  const { version } = payload.attrs
  const name = nameIn(payload)
  const index = numberIn(payload, 'index')
  const backup = await store.backup(owner, name)
  // Whoever is in the midst of one that has been replaced begins anew.
  if (backup === undefined || backup.version !== version || index >= partsOf(backup.bytes))
    throw new StanzaError('item-not-found')
  const text = await store.part(owner, version, index)
  if (text === undefined) throw new StanzaError('item-not-found')
  return xml('part', { xmlns: NS.backup, name, version, index: String(index) }, text)
}

/** A backup goes. */
export async function remove({ store }: RequestParts, { owner, payload }: IqContext): Promise<undefined> {
  const name = nameIn(payload)
  const backup = await store.backup(owner, name)
  if (backup === undefined) throw new StanzaError('item-not-found')
  await store.delete(owner, name, backup)
  return undefined
}

/** Uploads that end because another one begins: those of the same name, and the oldest that are too many. */
function endedBy({ uploads }: Stock, name: string): readonly string[] {
  const same = [...uploads].filter(([, upload]) => upload.name === name)
  const others = [...uploads]
    .filter(([, upload]) => upload.name !== name)
    .sort(([, one], [, other]) => one.begun - other.begun)
  const most = Math.max(0, others.length - (MOST_UPLOADS - 1))
  return [...same, ...others.slice(0, most)].map(([version]) => version)
}

function requireRoom(
  { backups, uploads }: Stock,
  instead: readonly string[],
  name: string,
  bytes: number,
  limits: RequestParts['limits'],
): void {
  const going = [...uploads].filter(([version]) => !instead.includes(version)).map(([, upload]) => upload)
  const names = new Set([...backups.keys(), ...going.map(upload => upload.name), name])
  // Until it is whole, the one that it replaces is there as well; but for that nobody has less than he may have.
  const others = [...backups].filter(([other]) => other !== name).map(([, backup]) => backup)
  const total = [...others, ...going].reduce((sum, one) => sum + one.bytes, bytes)
  if (names.size > limits.number) throw noRoom(`no more than ${limits.number} backups are kept`)
  if (total > limits.all) throw noRoom(`all backups together have at most ${limits.all} bytes`)
}

function backupElement(name: string, { version, bytes, sha256, at }: Backup, xmlns?: string): Element {
  return xml('backup', {
    xmlns,
    name,
    version,
    bytes: String(bytes),
    parts: String(partsOf(bytes)),
    sha256,
    at: dateTime(at),
  })
}

function nameIn({ attrs: { name = '' } }: Element): string {
  if (name === '' || name.length > MOST_NAME || /\p{Cc}/u.test(name) || !name.isWellFormed())
    throw new StanzaError('bad-request', { text: `a name is a line of 1 to ${MOST_NAME} characters` })
  return name
}

function numberIn({ attrs }: Element, name: string): number {
  const text = attrs[name] ?? ''
  if (!/^\d{1,10}$/.test(text)) throw new StanzaError('bad-request', { text: `${name} is a number` })
  return Number(text)
}

function noUpload(): StanzaError {
  return new StanzaError('item-not-found', { text: 'there is no such upload: it was begun anew, or is over' })
}

function noRoom(text: string): StanzaError {
  return new StanzaError('resource-constraint', { type: 'cancel', text })
}
