/**
 * RFC 6455 §10.2: whether a page from `origin` may connect: a page from elsewhere must not use the browser of somebody who is let in
 * here. Programs send no origin. `own` is that of the server itself, `listed` are those of friends; `*`: any.
 */
export function welcomes(origin: string | undefined, own: string, listed: readonly string[]): boolean {
  return origin === undefined || origin === own || listed.includes(origin) || listed.includes('*')
}
