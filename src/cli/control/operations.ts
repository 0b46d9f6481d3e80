/** What an operator may ask of a server beside its accounts: in the running one (control/server.ts) or without it (main.ts). */

import type { Config } from '../../config/config.ts'
import type { Drain, Drained } from '../../core/drain.ts'
import { TidingsError } from '../../core/errors.ts'
import type { Survey } from '../../core/survey.ts'
import { makeBackup } from '../../operations/backup.ts'
import type { Changes } from '../../operations/changes.ts'
import type { Storage } from '../../storage/types.ts'
import type { Administration } from './administration.ts'

/** What operations are carried out on. */
export interface OperationParts {
  readonly storage: Storage
  readonly config: Config
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
