import { limit, section } from './fields.ts'

const KIB = 1024
/** RFC 6120 §13.12: a server must not refuse stanzas of 10,000 bytes. */
const LEAST_STANZA = 10_000

/** What one client, one address or one account may use. */
export const LIMITS = section('What a client may use; `false` takes a limit away.', {
  'stanza-bytes': limit('Size of a stanza.', 256 * KIB, 'bytes', LEAST_STANZA),
  'stanza-bytes-before-sign-in': limit(
    'The same before the client has signed in.',
    10 * KIB,
    'bytes',
    LEAST_STANZA,
  ),
  depth: limit('Levels of elements in a stanza.', 64, 'levels', 8),
  children: limit('Elements in a stanza, at all levels together.', 8_192, 'elements', 64),
  attributes: limit('Attributes of an element, namespaces included.', 64, 'attributes', 16),
  'name-bytes': limit('Length of the name of an element or attribute.', 1_024, 'bytes', 64),
  'sign-in-seconds': limit('Time to sign in, from the first packet on; nothing extends it.', 30, 'seconds'),
  'sign-in-attempts': limit('Failed attempts to sign in on one stream before it is closed.', 10, 'attempts'),
  'sign-ins-per-second': limit(
    'Clients that may begin to sign in within a second, of all accounts together; when more come, they wait in line.',
    1_000,
    'sign-ins',
  ),
  'sign-in-wait-seconds': limit(
    'How long they may wait in line. Who would have to wait longer is told to try again later.',
    10,
    'seconds',
  ),
  unauthenticated: limit('Open connections that have not signed in.', 5_000, 'connections'),
  'unauthenticated-per-address': limit(
    'The same from one address (IPv6: from one /64 network).',
    100,
    'connections',
  ),
  'bytes-per-second': limit(
    'Bytes from one client; whoever sends faster is slowed, not cut.',
    512 * KIB,
    'bytes',
    KIB,
  ),
  'bytes-burst': limit('Bytes that may come at once after a pause.', 2 * KIB * KIB, 'bytes', KIB),
  'stanzas-per-second': limit(
    'Stanzas from one client; whoever sends faster is slowed, not cut.',
    500,
    'stanzas',
  ),
  'stanzas-burst': limit('Stanzas that may come at once after a pause.', 2_000, 'stanzas'),
  'outbox-bytes': limit(
    'Bytes that may wait for a slow client before it is cut, and for one that may resume its session (XEP-0198) before that ends.',
    KIB * KIB,
    'bytes',
    64 * KIB,
  ),
  'unacknowledged-stanzas': limit(
    'Stanzas that a client may leave unacknowledged (XEP-0198) before it is cut.',
    1_000,
    'stanzas',
    100,
  ),
  'acknowledge-seconds': limit(
    'Time for a client to acknowledge stanzas when it is asked; then its connection is taken for dead.',
    60,
    'seconds',
    5,
  ),
  'close-seconds': limit('Time for a closing stream to end in order.', 5, 'seconds'),
  'sessions-per-account': limit('Clients of one account that are connected at a time.', 100, 'sessions'),
})
