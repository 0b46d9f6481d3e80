/** The server's certificates: loaded, chosen by name, watched and exchanged while streams stay up. */
import type { SecureContext } from 'node:tls'

/** A certificate chain and its key as PEM files. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** Which certificates to use. */
export interface CertificatesOptions {
  /** Served domains (prepared), the first of them for clients that name none; `files` is the host's own pair. */
  readonly hosts: readonly { readonly name: string; readonly files?: CertificateFiles }[]
  /** The pair for all hosts without one; absent: a self-made one, kept in `directory`. */
  readonly files?: CertificateFiles
  /** Where the self-made certificate is kept: `data/certificates`. */
  readonly directory: string
  /** Told when something was exchanged or could not be; `problem` has a stable code and says what to do. */
  readonly report?: (event: CertificateEvent) => void
  /** Look at the files when they change, and at expiry dates every hour. Default true; without it call `reload()`. */
  readonly watch?: boolean
  /** Wall clock in milliseconds. */
  readonly now?: () => number
}

/** What happened to a certificate while the server runs. */
export type CertificateEvent =
  | { readonly kind: 'loaded'; readonly certificate: CertificateDescription }
  | { readonly kind: 'problem'; readonly problem: CertificateError }

/** A certificate as the start screen shows it. */
export interface CertificateDescription {
  /** DNS names and addresses it is valid for. */
  readonly names: readonly string[]
  readonly expires: Date
  readonly source: 'file' | 'self-made'
  /** The certificate's file. */
  readonly path: string
}

/** A certificate that can't be used: `code` is stable, `message` says what to do. */
export class CertificateError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CertificateError'
    this.code = code
  }
}

/** All certificates of a server. */
export class Certificates {
  private constructor() {
    throw new Error('to be written')
  }

  /** Loads every pair, making the self-made one if needed. Throws a CertificateError if one can't be used. */
  static open(options: CertificatesOptions): Promise<Certificates> {
    return Promise.reject(new Error(`to be written: ${options.directory}`))
  }

  /** The context for a name sent by SNI: the host's own pair, else by SAN (exact, then wildcard), else the default. */
  secureContext(servername?: string): SecureContext {
    throw new Error(`to be written: ${servername}`)
  }

  /** `SNICallback` of node:tls, bound. */
  readonly sni = (servername: string, done: (error: Error | null, context?: SecureContext) => void): void => {
    done(null, this.secureContext(servername))
  }

  /** Reads the files again. Resolves when all that changed is in use; a bad pair is reported and the old one kept. */
  reload(): Promise<void> {
    return Promise.reject(new Error('to be written'))
  }

  /** Every certificate in use, the default first. */
  describe(): CertificateDescription[] {
    throw new Error('to be written')
  }

  /** Stops watching. */
  close(): void {
    throw new Error('to be written')
  }
}
