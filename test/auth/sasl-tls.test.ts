import t from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { channelBindings, mechanisms, type SaslContext, start } from '../../src/auth/sasl.ts'
import { systemClock } from '../../src/core/clock.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { Certificates } from '../../src/tls/certificates.ts'
import { tlsBinding } from '../../src/tls/channel-binding.ts'
import { JID } from '../../src/xml/jid.ts'
import { clientBinding, ScramClient, type ScramClientOptions } from '../support/scram-client.ts'
import { handshake } from '../tls/support.ts'

const TYPES = ['tls-exporter', 'tls-server-end-point'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** A server side of TLS with a certificate of its own. */
async function listener(directory: string) {
  const certificates = await Certificates.open({ hosts: [{ name: 'localhost' }], directory, watch: false })
  return { secureContext: certificates.secureContext(), SNICallback: certificates.sni }
}

/** How the exchange ends: the address signed in, or the condition. */
async function signIn(context: SaslContext, options: ScramClientOptions): Promise<string> {
  const client = new ScramClient({ ...options, offered: context.offered })
  const exchange = start(options.mechanism, context)
  let step = await exchange.step(client.first())
  if (step.kind === 'challenge') step = await exchange.step(client.final(step.data!))
  if (step.kind === 'failure') return step.condition
  if (step.kind === 'success') client.verify(step.data)
  return step.kind === 'success' ? step.jid.toString() : 'not finished'
}

// RFC 5802 §6: the server verifies that what the client bound to is its own end of the same connection.
t.test('-PLUS over real TLS, and with somebody in between', async t => {
  const accounts = new Accounts(memoryStorage({ clock: systemClock }), { iterations: 10 })
  await accounts.create(JID.parse('alice@localhost'), 'secret')
  const server = await listener(`${t.testdir({ server: {}, middle: {} })}/server`)
  const middle = await listener(`${t.testdirName}/middle`)
  for (const maxVersion of VERSIONS) {
    const honest = await handshake(server, { maxVersion })
    const toMiddle = await handshake(middle, { maxVersion })
    const tls = tlsBinding(honest.server)
    const types = channelBindings(tls)
    const names = mechanisms({ tls: true, plainWithoutTls: false, channelBindings: types })
    const context = {
      host: 'localhost',
      accounts,
      tls,
      offered: { mechanisms: names, channelBindings: types },
    }
    t.same(types, maxVersion === 'TLSv1.3' ? TYPES : ['tls-server-end-point'])
    for (const type of TYPES.filter(one => types.includes(one))) {
      const who = { mechanism: 'SCRAM-SHA-512-PLUS', username: 'alice', password: 'secret' }
      const own = await signIn(context, { ...who, binding: clientBinding(honest.client, type) })
      t.equal(own, 'alice@localhost', `${maxVersion} ${type}`)
      const relayed = await signIn(context, { ...who, binding: clientBinding(toMiddle.client, type) })
      t.equal(relayed, 'not-authorized', `${maxVersion} ${type}, in between`)
    }
    await honest.close()
    await toMiddle.close()
  }
})
