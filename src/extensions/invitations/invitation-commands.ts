/** XEP-0401 §3, §5: the commands by which people invite others from their clients. */
import { TidingsError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { dateTime } from '../../xml/delay.ts'
import { field, resultForm } from '../../xml/forms.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { badPayload, type Command, type Completed } from '../commands/index.ts'
import type { Desk, Issued } from './desk.ts'

/** Who may run them; read at each use. */
export interface InvitationCommandsOptions {
  readonly 'for-users': 'account' | 'contact' | 'nothing'
  readonly 'accounts-by': 'admins' | 'users' | 'nobody'
}

/** XEP-0401 §5.1: makes an invitation at once, with nothing to fill in. */
export function inviteCommand(host: Host, desk: Desk, options: InvitationCommandsOptions): Command {
  return {
    node: `${NS.invite}#invite`,
    name: 'Invite user',
    place: 'server',
    access: () => (options['for-users'] === 'nothing' ? 'admins' : 'users'),
    async run({ asker }) {
      const inviter = asker.bare
      const contactOnly = options['for-users'] !== 'account' && !(await host.isAdmin(inviter))
      const purpose = contactOnly && ({ only: 'contact' } as const)
      return told(await desk.issue(inviter, { inviter: inviter.toString(), ...purpose }))
    },
  }
}

/** XEP-0401 §5.4: makes an invitation for an account, with a name or with one of the newcomer's choice. */
export function createAccountCommand(
  { domain, accounts }: Host,
  desk: Desk,
  options: InvitationCommandsOptions,
): Command {
  return {
    node: `${NS.invite}#create-account`,
    name: 'Create account',
    place: 'server',
    access: () => options['accounts-by'],
    async run({ asker, ask }) {
      const { values } = await ask({
        title: 'Create account',
        instructions: 'Leave the name empty to let the new user choose it.',
        fields: {
          username: field.text({ label: 'Username' }),
          'roster-subscription': field.boolean({ label: 'Roster subscription' }),
        },
      })
      const account = values.username.trim() === '' ? undefined : newAddress(values.username.trim(), domain)
      if (account !== undefined && (await accounts.exists(account))) throw badPayload('this name is taken')
      const by = asker.bare
      const wanted = {
        only: 'account',
        ...(account && { name: account.local }),
        ...(values['roster-subscription'] && { inviter: by.toString() }),
      } as const
      return told(await desk.issue(by, wanted).catch(refused))
    },
  }
}

/** RFC 7622 §3.3, the successor of what XEP-0401 §5.4 names. */
function newAddress(username: string, domain: string): JID {
  try {
    return JID.of(username, domain)
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw badPayload('this name cannot be used in an address')
  }
}

/** XEP-0401 §7.2: a name is kept for one invitation. */
function refused(error: unknown): never {
  if (error instanceof TidingsError && error.code === 'TIDINGS_INVITATION_NAME')
    throw badPayload('somebody else is invited by this name')
  throw error
}

/** XEP-0401 §5.1: where the invitation leads, and until when. */
function told({ uri, page, expires }: Issued): Completed {
  const form = resultForm(`${NS.invite}#invitation`, {
    uri: { label: 'Link for apps', value: uri },
    ...(page !== undefined && { 'landing-url': { label: 'Link for everybody', value: page } }),
    expire: { label: 'Good until', value: dateTime(expires) },
  })
  return { payload: [form] }
}
