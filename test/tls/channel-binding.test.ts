import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Certificates } from '../../src/tls/certificates.ts'
import { endPointHash, tlsBinding } from '../../src/tls/channel-binding.ts'
import { clientBinding } from '../support/scram-client.ts'
import { handshake, writePair } from './support.ts'

/** First half of what `openssl x509 -outform DER | openssl dgst` says of the files in signatures/. */
const HASHES: Record<string, string | undefined> = {
  'rsa-md5': '961a2316103eb94970f8ee219e7718c536645870df0e1a358169a7613b5d89a2',
  'rsa-sha1': 'ffe7d35116041ae937b76ea300e4fb14d4353c899faec60e91fd0286feb74975',
  'rsa-sha256': 'cfc552cd1020f08973ff51f0984376dd87e71e1671b13b1798b036f00d84cc93',
  'rsa-sha384': 'bf482ce3356744fcf2a5b568a4a3632ad9d0411fce38c11401d85e2548caafb7',
  'rsa-sha512': '34c0eaef6f4c2814b933443b7824c355d83798e4a54776f60b542e3229679314',
  'pss-sha1': '28854563ba3e13d730521b6d77b0661d26e65fd1ca2b4a6b7f0ac59dd7388705',
  'pss-sha256': 'a87a130b3f46e524a6a328d85e4f19cf79b9ab535229dd9175d40c28fd16a121',
  'pss-sha384': '94d2e115b82373d7731a188df8fad9f388fdee3d566635d4b41f6e2f6fada0f4',
  'ecdsa-sha1': '8138fc559c32e1eb1464d5b649aa2a5ad75a0e762d87b401359c728f04c552ac',
  'ecdsa-sha384': '89b11096eeeec6a8b356e448e188948280f12e398aca89c2e823294ec2c87675',
  'ecdsa-sha512': '37e37795d98667abbc9a1bdd9213923c5077a0537092a660908a3aec16adc434',
  // RFC 5929 §4.1: with no hash function, the channel bindings are undefined.
  ed25519: undefined,
}

// RFC 5929 §4.1: the hash of the signature algorithm, or SHA-256 if that is MD5 or SHA-1.
t.test('tls-server-end-point for each kind of signature', async t => {
  for (const [name, expected] of Object.entries(HASHES)) {
    const file = readFileSync(new URL(`signatures/${name}.crt`, import.meta.url))
    const hash = endPointHash(new X509Certificate(file))
    t.equal(hash?.toString('hex').slice(0, 64), expected, name)
  }
})

t.test('both ends of a connection see the same, whichever certificate was chosen', async t => {
  const directory = t.testdir()
  const files = await writePair(directory, 'a', ['a.example'])
  const own = await writePair(directory, 'b', ['b.example'])
  const hosts = [{ name: 'a.example' }, { name: 'b.example', files: own }]
  const certificates = await Certificates.open({ hosts, files, directory, watch: false })
  const server = { secureContext: certificates.secureContext(), SNICallback: certificates.sni }
  const seen = new Set<string>()
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    for (const servername of ['a.example', 'b.example']) {
      const ends = await handshake(server, { servername, maxVersion })
      const binding = tlsBinding(ends.server)
      t.equal(binding.protocol, maxVersion)
      const { data: endPoint } = clientBinding(ends.client, 'tls-server-end-point')
      t.same(binding.endPointHash(), endPoint)
      const { data: exported } = clientBinding(ends.client, 'tls-exporter')
      t.same(binding.exporter('EXPORTER-Channel-Binding', 32), exported)
      seen.add(endPoint.toString('hex')).add(exported.toString('hex'))
      await ends.close()
    }
  t.equal(seen.size, 2 + 4, 'one for each certificate, one for each connection')
})

t.test('a connection keeps the hash of the certificate it was shown', async t => {
  const directory = t.testdir()
  const files = await writePair(directory, 'a', ['a.example'])
  const certificates = await Certificates.open({
    hosts: [{ name: 'a.example' }],
    files,
    directory,
    watch: false,
  })
  const server = { secureContext: certificates.secureContext(), SNICallback: certificates.sni }
  const ends = await handshake(server, { servername: 'a.example' })
  await writePair(directory, 'a', ['a.example'])
  await certificates.reload()
  t.same(tlsBinding(ends.server).endPointHash(), clientBinding(ends.client, 'tls-server-end-point').data)
  await ends.close()
})

t.test('sessions are not resumed: the certificate is chosen and shown each time', async t => {
  const certificates = await Certificates.open({
    hosts: [{ name: 'a.example' }],
    directory: t.testdir(),
    watch: false,
  })
  const server = { secureContext: certificates.secureContext(), SNICallback: certificates.sni }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    let session: Buffer | undefined
    for (const attempt of [1, 2]) {
      const client = { servername: 'a.example', maxVersion, ...(session && { session }) }
      const ends = await handshake(server, client)
      t.equal(ends.client.isSessionReused(), false, `${maxVersion}, ${attempt}`)
      session = ends.client.getSession()
      await ends.close()
    }
  }
})
