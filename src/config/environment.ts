/** Secrets from the environment: `${NAME}` in any text of the configuration, `$${` for a plain `${`. */

/** A text with its variables replaced. */
export interface Substitution {
  readonly text: string
  /** Variables that were put in; their values must not show up in an error. */
  readonly used: readonly string[]
  /** Variables that are not set. */
  readonly missing: readonly string[]
}

const REFERENCE = /\$(\$?)\{([^}]*)\}/g

/** Replaces `${NAME}` by the value of the environment variable. */
export function substitute(text: string, environment: Readonly<NodeJS.ProcessEnv>): Substitution {
  const used: string[] = []
  const missing: string[] = []
  const replaced = text.replace(REFERENCE, (reference: string, escaped: string, name: string) => {
    if (escaped) return reference.slice(1)
    const value = environment[name]
    ;(value === undefined ? missing : used).push(name)
    return value ?? ''
  })
  return { text: replaced, used, missing }
}
