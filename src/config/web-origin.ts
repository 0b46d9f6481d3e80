import type { Config } from './config.ts'
import { isLoopback } from './load.ts'

/**
 * Where a browser reaches the HTTP listener for a host: `https://chat.example:5280`. Undefined where it is off.
 * @param port the one it is opened at, where that is known
 */
export function webOrigin(
  { hosts, listeners: { http } }: Config,
  host: string,
  port?: number,
): string | undefined {
  if (http === false) return undefined
  // A request that names no host is for the first one.
  const name = isLoopback(http.address) && host === hosts[0]?.name ? 'localhost' : host
  return new URL(`${http.tls ? 'https' : 'http'}://${name}:${port ?? http.port}`).origin
}
