/**
 * Checks the layers (.dependency-cruiser.ts) over src and bin. `npm run layers`
 *
 * dependency-cruiser 17 reads TypeScript with the compiler's JavaScript API, which TypeScript 7 no longer has.
 * tap still brings TypeScript 5 along, so this script gives that one to dependency-cruiser, and to nothing else.
 */
import { createRequire, registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { ICruiseResult, IViolation } from 'dependency-cruiser'
import { forbidden, options } from '../.dependency-cruiser.ts'

/** One broken rule. */
export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
  /** What the rule says. */
  readonly comment: string
}

/** What was looked at, and what is wrong with it. */
export interface LayerReport {
  readonly modules: number
  readonly imports: number
  readonly violations: readonly Violation[]
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Checks the given folders, which are relative to `directory`. Throws if TypeScript could not be read. */
export async function checkLayers(folders: string[], directory: string = ROOT): Promise<LayerReport> {
  const hooks = lendTypeScript()
  try {
    const { allExtensions, cruise } = await import('dependency-cruiser')
    if (!allExtensions.some(one => one.extension === '.ts' && one.available))
      throw new Error('dependency-cruiser found no TypeScript compiler with a JavaScript API')
    const ruleSet = { forbidden: [...forbidden] }
    const { output } = await cruise(folders, { ...options, baseDir: directory, validate: true, ruleSet })
    return report(output as ICruiseResult)
  } finally {
    hooks.deregister()
  }
}

/** From now on `import 'typescript'` inside dependency-cruiser means the compiler that tap uses. */
function lendTypeScript(): { deregister(): void } {
  const fromTap = createRequire(createRequire(import.meta.url).resolve('@tapjs/test/package.json'))
  return registerHooks({
    resolve(specifier, context, next) {
      const borrower = context.parentURL?.includes('/node_modules/dependency-cruiser/')
      const wanted = specifier === 'typescript' || specifier === 'typescript/package.json'
      return next(borrower && wanted ? fromTap.resolve(specifier) : specifier, context)
    },
  })
}

function report({ modules, summary }: ICruiseResult): LayerReport {
  return {
    modules: modules.filter(one => one.source.startsWith('src/')).length,
    imports: modules.reduce((sum, one) => sum + one.dependencies.length, 0),
    violations: summary.violations.map(describe),
  }
}

function describe({ rule, from, to, cycle }: IViolation): Violation {
  const path = cycle?.map(step => step.name).join(' -> ') ?? to
  return {
    rule: rule.name,
    from,
    to: path,
    comment: forbidden.find(one => one.name === rule.name)?.comment ?? '',
  }
}

if (import.meta.main) {
  const { modules, imports, violations } = await checkLayers(['src', 'bin'])
  for (const { rule, from, to, comment } of violations)
    console.error(`${from}\n  -> ${to}\n  ${rule}: ${comment}`)
  console.log(`layers: ${modules} modules, ${imports} imports, ${violations.length} against the rules`)
  process.exitCode = violations.length === 0 && modules > 0 ? 0 : 1
}
