/** Part of the composition root: the configuration with the keys of all extensions there are. */
import type { Config } from './config/config.ts'
import { printFields } from './config/print.ts'
import { allFields } from './config/schema.ts'
import { extensions } from './extensions/index.ts'

/** A configuration as commented YAML that means the same; secrets are not shown. */
export function printConfig(config: Config): string {
  return printFields(config, allFields(extensions))
}
