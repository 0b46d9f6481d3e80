/** Made-up credentials for accounts that do not exist, so that a stranger can't ask which ones do. */
import { createHmac, hash as digestOf, randomBytes } from 'node:crypto'
import type { CasTable, Storage } from '../storage/types.ts'
import { JID } from '../xml/jid.ts'
import { SALT_BYTES, SCRAM_HASHES, type ScramHash, type ScramKeys } from './scram.ts'

const KEY = 'decoys'
const SECRET_BYTES = 32

/**
 * Keys that no password fits, the same ones each time they are asked for: RFC 5802 has the server send a salt before it
 * knows anything of the client, and a salt that changed from one attempt to the next would say "no such account".
 */
export class Decoys {
  private readonly table: CasTable<string>
  /** The secret of each host: one read for the life of the process. Only served hosts get here. */
  private readonly secrets = new Map<string, Promise<Buffer>>()

  constructor(storage: Storage) {
    this.table = storage.table<string>('auth-secrets', 'cas')
  }

  /** Keys for an address, with a salt as long as real ones. Accounts made with other `iterations` than today's can be told from made-up ones. */
  async keys(jid: JID, hash: ScramHash, iterations: number): Promise<ScramKeys> {
    const { digest } = SCRAM_HASHES[hash]
    const made = createHmac('sha512', await this.secret(jid.domain))
      .update(`${hash}\n${jid.bare}`)
      .digest()
    // Nobody knows the rest of what was made, and so nothing that has this hash.
    const filler = digestOf(digest, made, 'buffer')
    return {
      salt: made.subarray(0, SALT_BYTES),
      iterations,
      storedKey: filler,
      serverKey: filler,
    }
  }

  /** The host's secret, kept in the storage: all nodes and all later runs make up the same keys. */
  private secret(host: string): Promise<Buffer> {
    let secret = this.secrets.get(host)
    if (secret === undefined) {
      secret = this.loadSecret(host)
      this.secrets.set(host, secret)
      // A storage that fails once must not decide for ever.
      secret.catch(() => this.secrets.delete(host))
    }
    return secret
  }

  private async loadSecret(host: string): Promise<Buffer> {
    const fresh = randomBytes(SECRET_BYTES).toString('base64')
    const kept = await this.table.update(JID.of('', host), KEY, old => old ?? fresh)
    return Buffer.from(kept ?? fresh, 'base64')
  }
}
