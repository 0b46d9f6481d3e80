/** Backups as rows: what is known of each, and its parts. */
import { createHash } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { rowsOf, rowsWith } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'

/** Bytes of a part; the last one may be shorter. In Base64 it fits into a stanza of 64 KiB. */
export const PART = 48 * 1024

/** A backup that is there, by its name. */
export interface Backup {
  /** Names the upload that brought it: its parts are stored under this. */
  readonly version: string
  readonly bytes: number
  /** Of all bytes, in hex. */
  readonly sha256: string
  /** When it was there as a whole (ms since 1970). */
  readonly at: number
}

/** One that is being uploaded, by its version. */
export interface Upload {
  readonly name: string
  readonly bytes: number
  /** ms since 1970 */
  readonly begun: number
}

/** What an account has of either kind. */
export interface Stock {
  readonly backups: ReadonlyMap<string, Backup>
  readonly uploads: ReadonlyMap<string, Upload>
}

/** Reads and writes backups; in the owner's lane only, at his home. */
export class BackupStore {
  readonly #host: Host
  readonly #backups: Table<Backup>
  readonly #uploads: Table<Upload>
  readonly #parts: Table<string>

  constructor(host: Host) {
    this.#host = host
    this.#backups = host.storage.table<Backup>('backups', 'lww')
    this.#uploads = host.storage.table<Upload>('backup-uploads', 'lww')
    this.#parts = host.storage.table<string>('backup-parts', 'lww')
  }

  async of(owner: JID): Promise<Stock> {
    const [backups, uploads] = await Promise.all([rowsOf(this.#backups, owner), rowsOf(this.#uploads, owner)])
    return {
      backups: new Map(backups.map(({ key, item }) => [key, item])),
      uploads: new Map(uploads.map(({ key, item }) => [key, item])),
    }
  }

  backup(owner: JID, name: string): Promise<Backup | undefined> {
    return this.#backups.get(owner, name)
  }

  upload(owner: JID, version: string): Promise<Upload | undefined> {
    return this.#uploads.get(owner, version)
  }

  /** Begins an upload in place of others, with whatever they have brought. */
  async begin(owner: JID, version: string, upload: Upload, instead: readonly string[]): Promise<void> {
    const gone = await Promise.all(instead.map(other => this.#withoutUpload(owner, other)))
    await this.#commit([this.#uploads.put(owner, version, upload), ...gone.flat()])
  }

  /** Stores a part, in Base64. */
  async put(owner: JID, version: string, part: number, text: string): Promise<void> {
    await this.#commit([this.#parts.put(owner, partKey(version, part), text)])
  }

  /** A part, in Base64. */
  part(owner: JID, version: string, part: number): Promise<string | undefined> {
    return this.#parts.get(owner, partKey(version, part))
  }

  /** The hash of what an upload has brought; undefined where parts are missing. */
  async hash(owner: JID, version: string, { bytes }: Upload): Promise<string | undefined> {
    const hash = createHash('sha256')
    let length = 0
    for (let part = 0; part < partsOf(bytes); part++) {
      const text = await this.part(owner, version, part)
      if (text === undefined) return undefined
      const data = Buffer.from(text, 'base64')
      length += data.length
      hash.update(data)
    }
    return length === bytes ? hash.digest('hex') : undefined
  }

  /** An upload is whole: it takes the place of the backup of its name, at once. */
  async finish(owner: JID, name: string, backup: Backup): Promise<void> {
    const old = await this.backup(owner, name)
    await this.#commit([
      this.#backups.put(owner, name, backup),
      this.#uploads.delete(owner, backup.version),
      ...(old === undefined ? [] : await this.#withoutParts(owner, old.version)),
    ])
  }

  async delete(owner: JID, name: string, { version }: Backup): Promise<void> {
    await this.#commit([this.#backups.delete(owner, name), ...(await this.#withoutParts(owner, version))])
  }

  async #withoutUpload(owner: JID, version: string): Promise<readonly Write[]> {
    return [this.#uploads.delete(owner, version), ...(await this.#withoutParts(owner, version))]
  }

  async #withoutParts(owner: JID, version: string): Promise<readonly Write[]> {
    const rows = await rowsWith(this.#parts, owner, `${version}\n`)
    return rows.length === 0 ? [] : [this.#parts.delete(owner, ...rows.map(({ key }) => key))]
  }

  async #commit(writes: readonly Write[]): Promise<void> {
    await commit(this.#host.storage, writes, this.#host.log)
  }
}

/** How many parts so many bytes are. */
export function partsOf(bytes: number): number {
  return Math.ceil(bytes / PART)
}

/** Bytes of a part of so many. */
export function sizeOfPart(bytes: number, part: number): number {
  return Math.min(PART, bytes - part * PART)
}

function partKey(version: string, part: number): string {
  return `${version}\n${String(part).padStart(8, '0')}`
}
