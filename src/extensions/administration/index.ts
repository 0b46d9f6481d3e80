/** XEP-0133: Service Administration. */
import { defineExtension, stage } from '../../core/extension.ts'
import type { Kind } from '../../core/stage.ts'
import type { JID } from '../../xml/jid.ts'
import { StreamError } from '../../xml/stream-error.ts'
import commands from '../commands/index.ts'
import { AccessLists, listCommands } from './access-lists.ts'
import {
  addUser,
  changePassword,
  deleteUsers,
  disableUsers,
  endSessions,
  reenableUsers,
} from './account-commands.ts'
import { Announcements, announce, noticeCommands } from './announcements.ts'
import { census, censusTasks } from './census.ts'
import { getLastLogins, getRosters, getStatistics, inspectionTasks } from './inspection.ts'
import { editAdmins, haltCommands, haltTasks } from './service-commands.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Ends the session of a resource, or with '' all sessions of the owner. Gives how many. */
    'administration:end-sessions'(owner: JID, resource: string): number
  }
}

const KINDS: readonly Kind[] = ['message', 'presence', 'iq']

export default defineExtension({
  name: 'administration',
  doc: 'Lets administrators look after accounts, users and the server from their clients',
  xeps: [{ xep: 133, version: '1.3.1', status: 'complete' }],
  setup(host) {
    const lists = new AccessLists(host)
    const announcements = new Announcements(host)
    const catalogue = host.find(commands)
    const all = [
      addUser(host),
      deleteUsers(host),
      disableUsers(host),
      reenableUsers(host),
      endSessions(host),
      changePassword(host),
      getRosters(host),
      getLastLogins(host),
      getStatistics(host),
      ...listCommands(host, lists),
      ...census(host),
      announce(host),
      ...noticeCommands(host, announcements),
      editAdmins(host),
      ...haltCommands(host),
    ]
    for (const command of all) catalogue?.add(command)
    return {
      stages: KINDS.flatMap(kind => [
        stage('guard', { kind, side: 'sender' }, ({ to }, { owner }) =>
          to === undefined ? undefined : lists.require(owner, to),
        ),
        stage('guard', { kind, side: 'recipient' }, ({ from }, { owner }) => lists.require(owner, from)),
      ]),
      on: {
        'session:presence': ({ session, before }) =>
          session.available && !before.available ? announcements.came(session) : undefined,
      },
      atEach: {
        ...announcements.tasks,
        ...lists.tasks,
        ...censusTasks(host),
        ...haltTasks(host),
      },
      atHome: {
        ...inspectionTasks(host),
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
