/** What a check came to. */
export interface Finding {
  /** What was looked at: `ports`, `certificates` ... */
  readonly about: string
  /** `problem`: something does not work, or soon will not. `warning`: somebody should know. */
  readonly level: 'ok' | 'warning' | 'problem'
  /** What is so. */
  readonly text: string
  /** How to mend it; absent when nothing is wrong. */
  readonly mend?: string
}

/** Makes the findings of one check. */
export function findingsAbout(about: string) {
  return {
    ok: (text: string): Finding => ({ about, level: 'ok', text }),
    warning: (text: string, mend: string): Finding => ({ about, level: 'warning', text, mend }),
    problem: (text: string, mend: string): Finding => ({ about, level: 'problem', text, mend }),
  }
}
