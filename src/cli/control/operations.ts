/** What an operator may ask of a server beside its accounts: in the running one (control/server.ts) or without it (main.ts). */

import type { Config } from '../../config/config.ts'
import { systemClock } from '../../core/clock.ts'
import type { Drain, Drained } from '../../core/drain.ts'
import { TidingsError } from '../../core/errors.ts'
import type { Portable } from '../../core/portable.ts'
import type { Survey } from '../../core/survey.ts'
import { makeBackup } from '../../operations/backup.ts'
import type { Changes } from '../../operations/changes.ts'
import { exportTo } from '../../operations/portable/export.ts'
import { importFrom } from '../../operations/portable/import.ts'
import type { PortableAccounts, Premises, Witness } from '../../operations/portable/types.ts'
import type { Storage } from '../../storage/types.ts'
import type { Administration } from './administration.ts'
import type { News } from './protocol.ts'

/** What operations are carried out on. */
export interface OperationParts {
  readonly storage: Storage
  readonly config: Config
  readonly accounts: PortableAccounts
  /** What extensions move of their users. */
  readonly portables: readonly Portable[]
  /** Whether a server runs on the storage. */
  readonly running: boolean
  /** The port of each listener; none where no server runs. */
  readonly ports: Readonly<Record<string, number | undefined>>
  /** Reads the configuration again; absent where there is no server or nothing to read. */
  readonly reload?: () => Promise<Changes>
  /** Sends all clients and slots away; absent where no server runs. */
  readonly drain?: (drain: Drain) => Promise<Drained>
  /** Asks all nodes of the cluster how they are; absent likewise. */
  readonly survey?: () => Promise<Survey>
}

/** Carries out operations, and hands everything else on to `otherwise`. */
export function operations(parts: OperationParts, otherwise: Administration): Administration {
  const { storage, config, ports } = parts
  return async (request, lines, tell) => {
    switch (request.op) {
      case 'backup':
        await makeBackup(storage, config, request.to)
        return {}
      case 'export':
        return { ...(await exportTo(request.to, sourceOf(config), premises(parts), witness(tell))) }
      case 'import':
        return { ...(await importFrom(request.from, premises(parts), witness(tell))) }
      case 'reload':
        if (parts.reload === undefined)
          throw new TidingsError(
            'TIDINGS_RELOAD_FAILED',
            'this server was started without a configuration file',
          )
        return { changes: await parts.reload() }
      case 'status':
        return { status: { pid: process.pid, ports } }
      case 'drain':
        return parts.drain === undefined ? {} : { drained: await parts.drain(request) }
      case 'cluster':
        return parts.survey === undefined ? {} : { survey: await parts.survey() }
      case 'verify':
        return { findings: await storage.verify() }
      default:
        return otherwise(request, lines, tell)
    }
  }
}

function premises({ storage, config, accounts, portables, running }: OperationParts): Premises {
  const hosts = config.hosts.map(({ name }) => name)
  return { storage, clock: systemClock, accounts, hosts, portables, running }
}

/** Which data an export is of. */
function sourceOf({ data, storage }: Config): string {
  return storage.kind === 'cassandra' ? `cassandra ${storage.cassandra.keyspace}` : `${storage.kind} ${data}`
}

function witness(tell: (news: News) => Promise<void>): Witness {
  return {
    progress: (done, total) => tell({ progress: { done, ...(total !== undefined && { total }) } }),
    notice: text => tell({ notice: text }),
  }
}
