import { join, relative } from 'node:path'
import { TidingsError } from '../../core/errors.ts'

/** The longest address of a unix socket: sun_path holds 108 bytes on Linux and 104 elsewhere, the last one zero. */
const MAX_BYTES = process.platform === 'linux' ? 107 : 103

/** Where the control socket of a data folder lies. */
export function controlSocket(data: string): string {
  return join(data, 'control.sock')
}

/** The address to bind or to connect to: the path, or the way to it from the working directory where only that is short enough. */
export function socketAddress(path: string): string {
  const near = relative(process.cwd(), path)
  const address = [path, near].find(one => Buffer.byteLength(one) <= MAX_BYTES)
  if (address !== undefined) return address
  throw new TidingsError(
    'TIDINGS_CONTROL_PATH',
    `${path} is longer than the ${MAX_BYTES} bytes that a unix socket may have: set "data" to a shorter path`,
  )
}
