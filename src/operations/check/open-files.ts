import type { Config } from '../../config/config.ts'
import { type Finding, findingsAbout } from './finding.ts'

/** Files that the server has open beside its connections, generously. */
const OWN_FILES = 64
/** Clients that even a small server should have room for. */
const CLIENTS = 960

/** May the process have as many connections open as the configuration lets in? `text` is that of /proc/PID/limits. */
export async function checkOpenFiles(
  { unauthenticated }: Config['limits'],
  text: string | undefined,
): Promise<Finding[]> {
  const { ok, warning, problem } = findingsAbout('open files')
  const limit = /^Max open files +(\d+|unlimited) /m.exec(text ?? '')?.[1]
  if (limit === undefined) return [ok('the limit is not known on this system')]
  if (limit === 'unlimited') return [ok('no limit')]
  const most = Number(limit)
  const mend = 'raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536'
  if (most < OWN_FILES + CLIENTS) return [problem(`only ${most} may be open: a client needs one each`, mend)]
  const strangers = unauthenticated === false ? 0 : unauthenticated
  if (most < OWN_FILES + CLIENTS + strangers)
    return [
      warning(
        `${most} may be open, of which limits.unauthenticated lets strangers take ${strangers}`,
        `${mend}; or lower limits.unauthenticated`,
      ),
    ]
  return [ok(`${most} may be open`)]
}
