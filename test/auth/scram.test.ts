import { pbkdf2Sync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  downgradeHash,
  Scram,
  ScramError,
  type ScramHash,
  type ScramOptions,
  scramKeys,
} from '../../src/auth/scram.ts'
import { ScramClient } from '../support/scram-client.ts'

const DIGESTS = { 'SHA-1': ['sha1', 20], 'SHA-256': ['sha256', 32], 'SHA-512': ['sha512', 64] } as const

function keysFor(hash: ScramHash, password: string, saltBase64: string, iterations: number) {
  const [digest, length] = DIGESTS[hash]
  const salt = Buffer.from(saltBase64, 'base64')
  return scramKeys(hash, pbkdf2Sync(password, salt, iterations, length, digest), salt, iterations)
}

const KEYS = keysFor('SHA-256', 'pencil', 'W22ZaJ0SNY7soEsUEjb6gQ==', 4096)

function scram(options: Partial<ScramOptions> = {}): Scram {
  return new Scram({
    hash: 'SHA-256',
    plus: false,
    plusOffered: false,
    channelBinding: () => undefined,
    nonce: 'server',
    ...options,
  })
}

/** The error value that `action` throws; anything else fails the test. */
function errorValue(action: () => unknown): string {
  try {
    return `no error but ${action()}`
  } catch (error) {
    if (error instanceof ScramError) return error.value
    throw error
  }
}

/** Why a client-first-message is refused. */
function refusal(message: string | Buffer, options: Partial<ScramOptions> = {}): string {
  return errorValue(() => JSON.stringify(scram(options).first(Buffer.from(message))))
}

/** Why a client-final-message is refused, after a first one of `n,,n=user,r=client`. */
function finalRefusal(message: string | Buffer): string {
  const server = scram()
  server.first(Buffer.from('n,,n=user,r=client'))
  server.challenge(KEYS)
  return errorValue(() => server.final(Buffer.from(message)))
}

interface Vector {
  name: string
  hash: ScramHash
  clientFirst: string
  serverNonce: string
  salt: string
  serverFirst: string
  clientFinal: string
  serverFinal: string
  options?: Partial<ScramOptions>
}

const VECTORS: Vector[] = [
  {
    name: 'RFC 5802 §5, SHA-1',
    hash: 'SHA-1',
    clientFirst: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    salt: 'QSXCR+Q6sek8bf92',
    serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    clientFinal: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    serverFinal: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    name: 'RFC 7677 §3, SHA-256',
    hash: 'SHA-256',
    clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    clientFinal:
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
  {
    name: 'SHA-512, computed with hashlib of Python from the messages of RFC 5802 §5',
    hash: 'SHA-512',
    clientFirst: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    salt: 'QSXCR+Q6sek8bf92',
    serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    clientFinal:
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=VdS8LkrURiej1tG6iX+fqCXQfUnBb//d9llXYaH+ylUbDwBUz9geyR9fC4TewskRUM2tlYSalhAT4Aay1Q5dTA==',
    serverFinal: 'v=14PAAuavk9hxBEkgB0brDxUhvWu+N16meYk+qxVNFqchR8QPohM09Y4Z6WaTCuX4C6nqMB9KIJTDm6RpSM990g==',
  },
  {
    name: 'XEP-0474 §5.3, SHA-1-PLUS with the hash of what was offered and an extension of the client',
    hash: 'SHA-1',
    clientFirst: 'p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6',
    serverNonce: 'a09117a6-ac50-4f2f-93f1-93799c2bddf6',
    salt: 'QSXCR+Q6sek8bf92',
    serverFirst:
      'r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=',
    clientFinal:
      'c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4=',
    serverFinal: 'v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=',
    options: {
      plus: true,
      plusOffered: true,
      channelBinding: type => (type === 'tls-exporter' ? Buffer.from('THIS IS FAKE CB DATA') : undefined),
      downgradeHash: downgradeHash(
        'SHA-1',
        ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'],
        ['tls-server-end-point', 'tls-exporter'],
      ),
    },
  },
]

t.test('the examples of the specifications, byte by byte', async t => {
  for (const vector of VECTORS) {
    const { hash, name } = vector
    const server = scram({ hash, nonce: vector.serverNonce, ...vector.options })
    t.equal(server.first(Buffer.from(vector.clientFirst)).username, 'user', name)
    t.equal(server.challenge(keysFor(hash, 'pencil', vector.salt, 4096)).toString(), vector.serverFirst, name)
    t.equal(server.final(Buffer.from(vector.clientFinal)).toString(), vector.serverFinal, name)
  }
})

t.test('our own client of the tests reproduces the examples too', async t => {
  for (const vector of VECTORS.slice(0, 3)) {
    const nonce = vector.clientFirst.slice(vector.clientFirst.indexOf('r=') + 2)
    const client = new ScramClient({
      mechanism: `SCRAM-${vector.hash}`,
      username: 'user',
      password: 'pencil',
      nonce,
    })
    t.equal(client.first().toString(), vector.clientFirst, vector.name)
    t.equal(client.final(Buffer.from(vector.serverFirst)).toString(), vector.clientFinal, vector.name)
    client.verify(Buffer.from(vector.serverFinal))
    t.throws(() => client.verify(Buffer.from('v=AAAA')), vector.name)
  }
})

// RFC 5802 §5.1: The characters ',' or '=' in usernames are sent as '=2C' and '=3D' respectively.
t.test('names are unescaped, and a name with any other = is refused', async t => {
  t.same(scram().first(Buffer.from('n,a=x=2Cy=3Dz,n==3D=2C=3D2C,r=client')), {
    username: '=,=2C',
    authzid: 'x,y=z',
  })
  t.same(scram().first(Buffer.from('y,,n=jürgen€😀,r=client')), { username: 'jürgen€😀', authzid: undefined })
  for (const name of ['a=b', 'a=', 'a=2c', '=3d', ''])
    t.equal(refusal(`n,,n=${name},r=client`), 'invalid-encoding', name)
})

// RFC 5802 §5.1: this attribute is reserved for future extensibility. In this version of SCRAM, its presence in a
// client or a server message MUST cause authentication failure when the attribute is parsed by the other end.
t.test('a mandatory extension is refused, an optional one let through', async t => {
  t.equal(refusal('n,,m=future,n=user,r=client'), 'extensions-not-supported')
  t.same(scram().first(Buffer.from('n,,n=user,r=client,x=1,Y=two words')), {
    username: 'user',
    authzid: undefined,
  })
})

t.test('a first message that breaks the grammar of RFC 5802 §7', async t => {
  const wrong = [
    '',
    'n',
    'n,',
    'n,,',
    'n,n=user,r=client',
    'x,,n=user,r=client',
    'p,,n=user,r=client',
    'p=,,n=user,r=client',
    'p=a b,,n=user,r=client',
    'n,b=admin,n=user,r=client',
    'n,a=,n=user,r=client',
    'n,,n=user',
    'n,,n=user,r=',
    'n,,r=client,n=user',
    'n,,n=user,r=cli ent',
    'n,,n=user,r=client,',
    'n,,n=user,r=client,xx',
    'n,,n=user,r=client,1=x',
    'n,,n=us\0er,r=client',
    ' n,,n=user,r=client',
    'n,,n=user,r=client\n',
  ]
  for (const message of wrong) t.equal(refusal(message), 'invalid-encoding', JSON.stringify(message))
  t.equal(refusal(Buffer.from('n,,n=\xff,r=client', 'latin1')), 'invalid-encoding', 'no UTF-8')
})

// RFC 5802 §6: If the flag is set to "y" and the server supports channel binding, the server MUST fail authentication.
t.test('the flags of channel binding, with each kind of mechanism', async t => {
  const binding = {
    channelBinding: (type: string) => (type === 'tls-exporter' ? Buffer.from('data') : undefined),
  }
  const bare = 'n=user,r=client'
  const accepted = '{"username":"user"}'
  const plain = { ...binding, plusOffered: true }
  const plus = { ...plain, plus: true }
  t.equal(refusal(`n,,${bare}`, plain), `no error but ${accepted}`)
  t.equal(
    refusal(`y,,${bare}`, binding),
    `no error but ${accepted}`,
    'nothing was offered, nothing was hidden',
  )
  t.equal(refusal(`y,,${bare}`, plain), 'server-does-support-channel-binding')
  t.equal(refusal(`p=tls-exporter,,${bare}`, plain), 'channel-binding-not-supported')
  t.equal(refusal(`p=tls-exporter,,${bare}`, plus), `no error but ${accepted}`)
  t.equal(refusal(`p=tls-unique,,${bare}`, plus), 'unsupported-channel-binding-type')
  t.equal(refusal(`n,,${bare}`, plus), 'channel-bindings-dont-match')
  t.equal(refusal(`y,,${bare}`, plus), 'server-does-support-channel-binding')
})

t.test('a final message that breaks the grammar, or says something else than the first', async t => {
  const proof = Buffer.alloc(32).toString('base64')
  const cases: [string, string][] = [
    [`c=biws,r=clientserver,p=${proof}`, 'invalid-proof'],
    [`c=biws,r=clientserver,x=1,p=${proof}`, 'invalid-proof'],
    [`c=biws,r=clientserver,p=AAAA`, 'invalid-proof'],
    [`c=biws,r=clientserver2,p=${proof}`, 'other-error'],
    [`c=biws,r=client,p=${proof}`, 'other-error'],
    [`c=eSws,r=clientserver,p=${proof}`, 'channel-bindings-dont-match'], // y,,
    [`c=biwsAA==,r=clientserver,p=${proof}`, 'channel-bindings-dont-match'],
    [`c=biw,r=clientserver,p=${proof}`, 'invalid-encoding'],
    [`c=biws,r=clientserver,p=${proof}=`, 'invalid-encoding'],
    ['c=biws,r=clientserver', 'invalid-encoding'],
    [`c=biws,r=clientserver,p=${proof},x=1`, 'invalid-encoding'],
    [`r=clientserver,c=biws,p=${proof}`, 'invalid-encoding'],
    [`c=,r=clientserver,p=${proof}`, 'invalid-encoding'],
    ['', 'invalid-encoding'],
  ]
  for (const [message, expected] of cases) t.equal(finalRefusal(message), expected, message)
  t.equal(finalRefusal(Buffer.from(`c=biws,r=clientserver,x=\xff,p=${proof}`, 'latin1')), 'invalid-encoding')
})

t.test('any password, name and nonce sign in; any other password does not', async t => {
  const word = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter(text => !text.includes('\0'))
  const hash = fc.constantFrom<ScramHash>('SHA-1', 'SHA-256', 'SHA-512')
  fc.assert(
    fc.property(hash, word, word, word, fc.boolean(), (hash, username, password, guess, plus) => {
      const data = Buffer.from('bound')
      const options = { hash, plus, plusOffered: true, channelBinding: () => data, downgradeHash: 'abc=' }
      const exchange = (secret: string) => {
        const binding = plus ? { binding: { type: 'tls-exporter', data } } : {}
        const client = new ScramClient({ mechanism: `SCRAM-${hash}`, username, password: secret, ...binding })
        const server = scram(options)
        if (server.first(client.first()).username !== username) throw new Error('another name')
        const challenge = server.challenge(keysFor(hash, password, 'c2FsdA==', 1))
        client.verify(server.final(client.final(challenge)))
      }
      exchange(password)
      if (guess !== password)
        t.match(
          errorValue(() => exchange(guess)),
          'invalid-proof',
        )
    }),
    { numRuns: 200 },
  )
})

t.test('one bit changed in any message of the client is never accepted', async t => {
  const client = new ScramClient({ mechanism: 'SCRAM-SHA-256', username: 'user', password: 'pencil' })
  const server = scram()
  server.first(client.first())
  const final = client.final(server.challenge(KEYS))
  let refused = 0
  for (let bit = 0; bit < final.length * 8; bit++) {
    const changed = Buffer.from(final)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    if (!errorValue(() => server.final(changed)).startsWith('no error')) refused++
  }
  t.equal(refused, final.length * 8)
  client.verify(server.final(final))
})

t.test('garbage, at any step, is a ScramError and nothing else', async t => {
  const piece = fc.constantFrom(
    'n',
    'y',
    'p=',
    ',',
    '=',
    'a=',
    'n=',
    'r=',
    'c=',
    'm=',
    'biws',
    'clientserver',
    '\0',
  )
  const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 5, unit: 'binary' })), { maxLength: 12 })
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
    text.map(pieces => Buffer.from(pieces.join(''))),
  )
  let errors = 0
  fc.assert(
    fc.property(message, message, fc.boolean(), (first, final, plus) => {
      const opening = scram({ plus, plusOffered: plus })
      if (!errorValue(() => opening.first(first)).startsWith('no error')) errors++
      if (!finalRefusal(final).startsWith('no error')) errors++
    }),
    { numRuns: 3000 },
  )
  t.ok(errors > 5000, `${errors} of 6000 messages were refused`)
})

// XEP-0474 §5.1: sorted by i;octet, joined by 0x1E; channel binding types only if the server advertised some, after 0x1F.
t.test('the downgrade hash does not depend on the order, and on everything else', async t => {
  const hash = (mechanisms: string[], types: string[]) => downgradeHash('SHA-256', mechanisms, types)
  t.equal(hash(['B', 'A'], ['y', 'x']), hash(['A', 'B'], ['x', 'y']))
  const all = [hash(['A', 'B'], []), hash(['A', 'B'], ['x']), hash(['A'], ['B', 'x']), hash(['A'], [])]
  t.equal(new Set(all).size, 4)
})
