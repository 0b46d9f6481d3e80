/** What is asked of accounts, without the socket that carries it. */
import t from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { administration } from '../../src/cli/control/administration.ts'
import type { InvitationAdministration } from '../../src/cli/control/invitations.ts'
import type { KeyAdministration } from '../../src/cli/control/keys.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { JID } from '../../src/xml/jid.ts'

async function* nothing() {}

t.test('what a removal that failed has left is erased when the account is removed again', async t => {
  const accounts = new Accounts(memoryStorage({ clock: Date }), { iterations: 1 })
  await accounts.create(JID.parse('alice@localhost'), 'secret')
  const invitations = {} as InvitationAdministration
  const forgotten: string[] = []
  const forget = async (account: JID): Promise<void> => {
    forgotten.push(account.toString())
    if (forgotten.length === 1) throw new Error('the disk does not answer')
  }
  const administer = administration({
    accounts,
    hosts: ['localhost'],
    forget,
    addContacts: async () => {},
    invitations,
    keys: {} as KeyAdministration,
  })
  const remove = () => administer({ op: 'user.remove', jid: 'alice@localhost' }, nothing(), async () => {})
  await t.rejects(remove(), { message: 'the disk does not answer' })
  await t.rejects(remove(), { code: 'TIDINGS_ACCOUNT_UNKNOWN' })
  t.same(forgotten, ['alice@localhost', 'alice@localhost'])
})
