import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type LinkEvent, Links, type LinksOptions } from '../../src/cluster/links/links.ts'
import type { FrameHandler } from '../../src/cluster/types.ts'
import { systemClock } from '../../src/core/clock.ts'

/** Links of one node of a test, with what they told. */
export interface TestLinks {
  readonly links: Links
  readonly events: LinkEvent[]
  readonly broken: string[]
}

/** Opens the links of a node on a free port of loopback; closed with the test. */
export async function openLinks(
  t: Test,
  node: string,
  handler: FrameHandler,
  options: Partial<LinksOptions> = {},
): Promise<TestLinks> {
  const events: LinkEvent[] = []
  const broken: string[] = []
  const links = await Links.open({
    node,
    secret: 'a secret of tests',
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    report: event => events.push(event),
    broken: name => broken.push(name),
    ...options,
  })
  links.serve(handler)
  t.teardown(() => links.close())
  return { links, events, broken }
}

/** The path of a socket in a folder of its own. */
export async function socketPath(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-links-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'links')
}
