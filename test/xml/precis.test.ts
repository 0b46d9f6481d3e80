import fc from 'fast-check'
import t from 'tap'
import { precisTables } from '../../scripts/generate-precis.ts'
import { allowedIn, directionOf, isVirama, joiningTypeOf } from '../../src/xml/code-points.ts'
import { opaqueString, PrecisError, usernameCaseMapped } from '../../src/xml/precis.ts'
import * as tables from '../../src/xml/precis-tables.generated.ts'
import { decodePunycode, encodePunycode } from '../../src/xml/punycode.ts'

/** The code point that a profile refuses the text for; `undefined` when the whole text is to blame. */
function refused(profile: (text: string) => string, text: string): string | undefined {
  try {
    profile(text)
  } catch (error) {
    if (error instanceof PrecisError) return error.codePoint?.toString(16)
    throw error
  }
  throw new Error('accepted')
}

// RFC 8265 §3.5: examples of usernames.
t.test('UsernameCaseMapped: the examples of RFC 8265 §3.5', async t => {
  for (const name of ['juliet@example.com', 'fussball', 'fu\u00dfball', '\u03c0', '\u03c3', '\u03c2'])
    t.equal(usernameCaseMapped(name), name)
  t.equal(usernameCaseMapped('\u03a3'), '\u03c3')
  t.equal(refused(usernameCaseMapped, 'foo bar'), '20')
  t.equal(refused(usernameCaseMapped, 'henry\u2163'), '2163')
  t.equal(refused(usernameCaseMapped, '\u265a'), '265a')
})

// RFC 8265 §4.3: examples of passwords.
t.test('OpaqueString: the examples of RFC 8265 §4.3', async t => {
  for (const secret of [
    'correct horse battery staple',
    'Correct Horse Battery Staple',
    '\u03c0\u00df\u00e5',
    'Jack of \u2666s',
  ])
    t.equal(opaqueString(secret), secret)
  t.equal(opaqueString('foo\u1680bar'), 'foo bar')
  t.equal(refused(opaqueString, 'my cat is a \u0009by'), '9')
})

t.test('both profiles: what changes and what stays', async t => {
  t.equal(usernameCaseMapped('\uff2a\uff55\uff4c'), 'jul', 'width, then case')
  t.equal(usernameCaseMapped('\u0041\u030a'), '\u00e5', 'case, then normal form C')
  t.equal(opaqueString('\uff2a\u0041\u030a'), '\uff2a\u00c5', 'neither width nor case')
  t.equal(opaqueString('a\u00a0\u2003\u3000b'), 'a   b')
  t.equal(opaqueString('1\u05d0a'), '1\u05d0a', 'no rule of direction')
  t.equal(refused(usernameCaseMapped, '1\u05d0'), undefined)
  t.equal(usernameCaseMapped(''), '')
  t.equal(opaqueString(''), '')
})

t.test('an error never holds the string', async t => {
  try {
    opaqueString('secret\u0000')
    t.fail('accepted')
  } catch (error) {
    t.ok(error instanceof PrecisError)
    t.notMatch((error as Error).message, /secret/)
  }
})

// RFC 5892 §2.6, RFC 8264 §9.6: exceptions; RFC 8264 §9: one code point of each category.
t.test('classes of single code points', async t => {
  const classes = (code: number) =>
    (['label', 'identifier', 'freeform'] as const).filter(one => allowedIn(one, code)).join(' ')
  const all = 'label identifier freeform'
  for (const code of [
    0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007, 0x61, 0x2d, 0x30, 0xe9, 0x4e00, 0xac00, 0x300, 0x903, 0x660,
    0xb7, 0x200c,
  ])
    t.equal(classes(code), all, code.toString(16))
  for (const code of [0x21, 0x40, 0x41, 0x7e, 0xc9, 0x3a3, 0x20d0, 0x1d165, 0x10400])
    t.equal(classes(code), 'identifier freeform', code.toString(16))
  for (const code of [
    0x20, 0xa0, 0xa3, 0xaa, 0xbd, 0x1c5, 0x2013, 0x2163, 0x265a, 0x3000, 0xfb01, 0xff21, 0x212a, 0x1f600,
    0x488,
  ])
    t.equal(classes(code), 'freeform', code.toString(16))
  for (const code of [
    0x0, 0x1f, 0x7f, 0xad, 0x378, 0x640, 0x7fa, 0x302e, 0x3031, 0x303b, 0x1100, 0x115f, 0x200b, 0x202e,
    0x2028, 0xd800, 0xe000, 0xfe0f, 0xfeff, 0xfffe, 0xe0001, 0x10ffff,
  ])
    t.equal(classes(code), '', code.toString(16))
})

t.test('direction, joining type and virama of single code points', async t => {
  const directions = {
    L: [0x61, 0x3c0, 0x4e00, 0xcbf],
    R: [0x5d0, 0x627, 0x1e900, 0x7c0],
    A: [0x660, 0x10d30],
    E: [0x30, 0x6f0],
    M: [0x300, 0x5b0, 0x64e],
    N: [0x2d, 0xb7, 0x2b9, 0x200d],
  }
  for (const [direction, codes] of Object.entries(directions))
    for (const code of codes) t.equal(directionOf(code), direction, code.toString(16))
  const joining = {
    D: [0x628, 0x1820],
    R: [0x627, 0x62f],
    L: [0xa872],
    T: [0x64e, 0x300],
    U: [0x61, 0x621, 0x200c, 0x200d],
  }
  for (const [type, codes] of Object.entries(joining))
    for (const code of codes) t.equal(joiningTypeOf(code), type, code.toString(16))
  for (const code of [0x94d, 0x9cd, 0xb4d, 0xd4d, 0xe3a, 0x11046, 0x1193e])
    t.ok(isVirama(code), code.toString(16))
  for (const code of [0x3099, 0x5b0, 0x300, 0x61, 0x93c]) t.notOk(isVirama(code), code.toString(16))
})

t.test('the committed tables are what the script makes of this Unicode version', async t => {
  const quoted = [...precisTables().matchAll(/export const (\w+) = '(\w+)'/g)].map(([, name, value]) => [
    name,
    value,
  ])
  t.same(Object.fromEntries(quoted), { ...tables })
})

// RFC 3492 §7.1: samples A (Arabic), B (Chinese, simplified), I (Russian), L (Japanese with ASCII), S (ASCII).
t.test('Punycode: samples of RFC 3492 §7.1', async t => {
  for (const [text, encoded] of [
    [
      '\u0644\u064a\u0647\u0645\u0627\u0628\u062a\u0643\u0644\u0645\u0648\u0634\u0639\u0631\u0628\u064a\u061f',
      'egbpdaj6bu4bxfgehfvwxn',
    ],
    ['\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587', 'ihqwcrb4cv8a8dqg056pqjye'],
    [
      '\u043f\u043e\u0447\u0435\u043c\u0443\u0436\u0435\u043e\u043d\u0438\u043d\u0435\u0433\u043e\u0432\u043e\u0440\u044f\u0442\u043f\u043e\u0440\u0443\u0441\u0441\u043a\u0438',
      'b1abfaaepdrnnbgefbadotcwatmq2g4l',
    ],
    ['3\u5e74b\u7d44\u91d1\u516b\u5148\u751f', '3b-ww4c5e180e575a65lsy2b'],
    ['-> $1.00 <-', '-> $1.00 <--'],
  ] as const) {
    t.equal(encodePunycode(text), encoded.toLowerCase())
    t.equal(decodePunycode(encoded), text)
  }
  for (const wrong of ['\u00fc', 'a b', 'zz', '99999999999', 'a-9', '\u00fc-abc'])
    t.equal(decodePunycode(wrong), undefined, wrong)
})

t.test('Punycode: decoding gives back what was encoded, and never throws', async () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      text => decodePunycode(encodePunycode(text)) === text,
    ),
    { numRuns: 3_000 },
  )
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-'), maxLength: 40 }),
      text => typeof decodePunycode(text) !== 'number',
    ),
    { numRuns: 10_000 },
  )
})

t.test('the profiles are idempotent and throw nothing but PrecisError', async () => {
  for (const profile of [usernameCaseMapped, opaqueString])
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), text => {
        try {
          return profile(profile(text)) === profile(text)
        } catch (error) {
          return error instanceof PrecisError
        }
      }),
      { numRuns: 20_000 },
    )
})
