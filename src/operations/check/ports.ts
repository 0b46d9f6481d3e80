import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Listeners } from '../../config/config.ts'
import { type Finding, findingsAbout } from './finding.ts'

type Running = Readonly<Record<string, number | undefined>> | undefined

const { ok, warning, problem } = findingsAbout('ports')

/** Are the ports of the listeners free, or held by our own server? */
export async function checkPorts(listeners: Listeners, running: Running): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [name, listener] of Object.entries(listeners)) {
    if (listener === false || !('port' in listener) || listener.port === 0) continue
    for (const address of listener.address)
      findings.push(await checkPort({ name, address, port: listener.port }, running))
  }
  return findings
}

interface Place {
  readonly name: string
  readonly address: string
  readonly port: number
}

async function checkPort(place: Place, running: Running): Promise<Finding> {
  const { name, address, port } = place
  const where = `${name}: port ${port} at ${address}`
  const code = await tryListening(place)
  if (running?.[name] === port)
    return code === undefined ? otherAddress(where) : ok(`${where} is our server's`)
  switch (code) {
    case undefined:
      if (running === undefined) return ok(`${where} is free`)
      return warning(`${where}: the running server does not listen there`, 'restart it to have it do so')
    case 'EADDRINUSE':
      return problem(
        `${where} is in use by another program`,
        `stop that program (ss -ltnp shows it), or set listeners.${name}.port`,
      )
    case 'EACCES':
      return problem(
        `${where} may not be opened by this user`,
        `set listeners.${name}.port to 1024 or more, or allow it (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)`,
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      // COMPAT machines without IPv6: a server for localhost is at 127.0.0.1 then.
      if (address === '::1') return ok(`${where}: this machine has no such address, which is no harm`)
      return problem(`${where}: this machine has no such address`, `set listeners.${name}.address`)
    default:
      return problem(`${where} cannot be opened (${code})`, 'ask the system why')
  }
}

function otherAddress(where: string): Finding {
  return warning(`${where}: the running server listens at another address`, 'restart it to have it change')
}

/** Listens for a moment; the code of what keeps us from it. */
async function tryListening({ address, port }: Place): Promise<string | undefined> {
  const server = createServer()
  try {
    await once(server.listen({ host: address, port, exclusive: true }), 'listening')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  } finally {
    server.close()
  }
}
