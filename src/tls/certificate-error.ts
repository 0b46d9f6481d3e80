import { TidingsError } from '../core/errors.ts'

/** Stable codes of everything that can be wrong with a certificate. */
export type CertificateErrorCode =
  /** A file can't be read. */
  | 'certificate-unreadable'
  /** A file holds no certificate, or no key without a passphrase, in PEM. */
  | 'certificate-invalid'
  /** The key belongs to another certificate. */
  | 'certificate-key-mismatch'
  /** The certificate is not valid any more, or not yet. Only reported: the server uses it all the same. */
  | 'certificate-expired'
  /** The certificate of a host does not name it. Only reported. */
  | 'certificate-name'
  /** The folder of the self-made certificate can't be written. */
  | 'certificate-unwritable'

/** Says what is wrong with a certificate; `message` names the file and what to do, and never holds its content. */
export function certificateError(
  code: CertificateErrorCode,
  message: string,
  options?: ErrorOptions,
): TidingsError {
  return new TidingsError(code, message, options)
}
