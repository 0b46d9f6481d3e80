import { type Storage, StorageError } from '../../src/storage/types.ts'

/** What a failing storage refuses; the rest (tables by name, writes that are made, `settled`, `close`) needs no disk. */
const REFUSED = ['get', 'page', 'owners', 'update', 'commit', 'purge', 'expire', 'forget', 'backup', 'verify']

/** A storage whose disk can be taken away for a while. */
export class FaultyStorage {
  /** While this is set, whatever reads or stores is refused as `unavailable`. */
  get failing(): boolean {
    return this.#state.failing
  }

  set failing(fails: boolean) {
    this.#state.failing = fails
  }
  /** The storage, to be given to whoever is tested. */
  readonly storage: Storage

  readonly #state: { failing: boolean }

  constructor(inner: Storage, state = { failing: false }) {
    this.#state = state
    this.storage = this.#guarded(inner)
  }

  /** Another storage, which fails with this one. */
  beside(inner: Storage): FaultyStorage {
    return new FaultyStorage(inner, this.#state)
  }

  #guarded<O extends object>(inner: O): O {
    return new Proxy(inner, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => {
          if (this.failing && REFUSED.includes(String(name)))
            return Promise.reject(new StorageError('unavailable', 'the disk is gone, says the test'))
          const result: unknown = Reflect.apply(member, target, args)
          return name === 'table' || name === 'archive' ? this.#guarded(result as object) : result
        }
      },
    })
  }
}
