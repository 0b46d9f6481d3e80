/** XEP-0133: Service Administration. */
import { defineExtension } from '../../core/extension.ts'
import type { JID } from '../../xml/jid.ts'
import { StreamError } from '../../xml/stream-error.ts'
import commands from '../commands/index.ts'
import { addUser, changePassword, deleteUsers, endSessions } from './account-commands.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Ends the session of a resource, or with '' all sessions of the owner. Gives how many. */
    'administration:end-sessions'(owner: JID, resource: string): number
  }
}

export default defineExtension({
  name: 'administration',
  doc: 'Lets administrators add and delete accounts, change passwords and end sessions from their clients',
  xeps: [
    { xep: 133, version: '1.3.1', status: 'partial', note: 'what concerns accounts and their sessions' },
  ],
  setup(host) {
    const catalogue = host.find(commands)
    for (const command of [addUser(host), deleteUsers(host), endSessions(host), changePassword(host)])
      catalogue?.add(command)
    return {
      atHome: {
        'administration:end-sessions'(owner, resource) {
          const ended = host.sessions(owner).filter(({ jid }) => resource === '' || jid.resource === resource)
          for (const { port } of ended)
            port.close(new StreamError('policy-violation', 'an administrator has ended this session'))
          return ended.length
        },
      },
    }
  },
})
