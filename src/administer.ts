/** Part of the composition root: carries out what operators ask, of a running server and of accounts without one. */
import type { Administration, AdministrationParts } from './cli/control/administration.ts'
import type { OperationParts } from './cli/control/operations.ts'

/** Loaded with the first request: most servers run for days without one, and the code takes memory. */
export function administer(server: OperationParts, accounts: AdministrationParts): Administration {
  let loaded: Promise<Administration> | undefined
  const load = async (): Promise<Administration> => {
    const [{ administration }, { operations }] = await Promise.all([
      import('./cli/control/administration.ts'),
      import('./cli/control/operations.ts'),
    ])
    return operations(server, administration(accounts))
  }
  return async (request, lines, tell) => {
    loaded ??= load()
    return (await loaded)(request, lines, tell)
  }
}
