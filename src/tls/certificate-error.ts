import { TidingsError } from '../core/errors.ts'

/** Stable codes of everything that can be wrong with a certificate. */
export type CertificateErrorCode =
  /** A file can't be read. */
  | 'TIDINGS_CERTIFICATE_UNREADABLE'
  /** A file holds no certificate, or no key without a passphrase, in PEM. */
  | 'TIDINGS_CERTIFICATE_INVALID'
  /** The key belongs to another certificate. */
  | 'TIDINGS_CERTIFICATE_KEY_MISMATCH'
  /** The certificate is not valid any more, or not yet. Only reported: the server uses it all the same. */
  | 'TIDINGS_CERTIFICATE_EXPIRED'
  /** The certificate of a host does not name it. Only reported. */
  | 'TIDINGS_CERTIFICATE_NAME'
  /** The folder of the self-made certificate can't be written. */
  | 'TIDINGS_CERTIFICATE_UNWRITABLE'

/** Says what is wrong with a certificate; `message` names the file and what to do, and never holds its content. */
export function certificateError(
  code: CertificateErrorCode,
  message: string,
  options?: ErrorOptions,
): TidingsError {
  return new TidingsError(code, message, options)
}
