import { integer, limit, section } from './fields.ts'

const KIB = 1024

/** What one client, one address or one account may use. `false` takes a limit away. */
export const LIMITS = section('What a client may use; `false` takes a limit away.', {
  'stanza-bytes': limit('Size of a stanza from a client that has signed in.', 256 * KIB, 'bytes', 10_000),
  'stanza-bytes-before-sign-in': limit(
    'Size of a stanza from a client that has not.',
    10 * KIB,
    'bytes',
    1_000,
  ),
  'sign-in-seconds': limit('Time a client has to sign in; keep-alives do not extend it.', 60, 'seconds'),
  'sign-in-attempts': limit('Failed attempts to sign in before the stream is closed.', 10, 'attempts'),
})
void integer
