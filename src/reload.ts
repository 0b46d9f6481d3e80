/** Part of the composition root: has a running server take over what changed in its configuration. */
import type { C2s } from './c2s/listener.ts'
import type { Config } from './config/config.ts'
import { TidingsError } from './core/errors.ts'
import type { Extension } from './core/extension.ts'
import type { Host } from './core/host.ts'
import type { Log } from './core/log.ts'
import type { Router } from './core/router.ts'
import { bindPolicy, c2sLimits } from './listen.ts'
import { type Changes, changesBetween, inForce } from './operations/changes.ts'
import type { Certificates } from './tls/certificates.ts'

/** What can change while it runs. */
interface Changeable {
  readonly certificates: Certificates
  readonly c2s: C2s
  readonly router: Router
  readonly hosts: readonly Host[]
  readonly extensions: readonly Extension[]
  readonly log: Log
  /** Reads the configuration again. Rejects when it can't be used. */
  readonly read: () => Promise<Config>
  /** Makes the log write from this level on. */
  readonly setLogLevel: (level: string) => void
}

/** Applies changes of the configuration, one reload after the other. */
export class Reloader {
  readonly #parts: Changeable
  #config: Config
  #last: Promise<unknown> = Promise.resolve()

  /** `config` is the one that the server was started with. */
  constructor(config: Config, parts: Changeable) {
    this.#config = config
    this.#parts = parts
  }

  /**
   * Reads the configuration again and applies what can change while the server runs. Rejects with a TidingsError when the new configuration
   * or one of its certificates can't be used: then nothing has changed. What was done is logged either way.
   */
  reload(): Promise<Changes> {
    const done = this.#last.then(() => this.#reload())
    this.#last = done.catch(() => {})
    return done
  }

  async #reload(): Promise<Changes> {
    const { log, read, extensions } = this.#parts
    try {
      const next = await read()
      const changes = changesBetween(this.#config, next, extensions)
      const config = inForce(this.#config, next, extensions)
      await this.#apply(config)
      this.#config = config
      log.info(changes, 'configuration read again')
      return changes
    } catch (err) {
      log.error(
        { code: 'TIDINGS_RELOAD_FAILED', err },
        'the configuration can not be used; nothing has changed',
      )
      if (err instanceof TidingsError) throw err
      throw new TidingsError('TIDINGS_RELOAD_FAILED', 'nothing has changed; the log says why', { cause: err })
    }
  }

  /** What may fail comes first. */
  async #apply(config: Config): Promise<void> {
    const { certificates, c2s, router, hosts, setLogLevel } = this.#parts
    const pairs = config.hosts.map(({ name, tls }) => ({ name, files: tls }))
    await certificates.change({ hosts: pairs, files: config.tls })
    c2s.limits = c2sLimits(config)
    router.sessions.policy = bindPolicy(config)
    // Only hosts that are there already are in force, at their old places.
    for (const [index, host] of hosts.entries()) host.change(config.hosts[index]!.extensions)
    setLogLevel(config.log.level)
  }
}
