/** Metrics of several processes of one server in one answer (the text format of Prometheus). */

interface Family {
  /** Its HELP and TYPE. */
  readonly about: readonly string[]
  readonly samples: string[]
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (.+)$/

/** Joins scrapes: each metric once, each of its values with the label `worker`, which is the key of its scrape. */
export function mergeMetrics(scrapes: ReadonlyMap<string, string>): string {
  const families = new Map<string, Family>()
  for (const [worker, text] of scrapes)
    for (const { name, about, samples } of familiesOf(text)) {
      const family = families.get(name) ?? { about, samples: [] }
      families.set(name, family)
      for (const sample of samples) family.samples.push(labelled(sample, worker))
    }
  const lines = [...families.values()].flatMap(({ about, samples }) => [...about, ...samples])
  return `${lines.join('\n')}\n`
}

function familiesOf(text: string): (Family & { readonly name: string })[] {
  const families: { name: string; about: string[]; samples: string[] }[] = []
  for (const line of text.split('\n')) {
    const [, kind, name = ''] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? []
    if (kind === 'HELP') families.push({ name, about: [line], samples: [] })
    else if (kind === 'TYPE') families.at(-1)?.about.push(line)
    else if (line !== '') families.at(-1)?.samples.push(line)
  }
  return families
}

function labelled(sample: string, worker: string): string {
  const [, name = '', labels, value = ''] = SAMPLE.exec(sample) ?? []
  return `${name}{worker="${worker}"${labels === undefined ? '' : `,${labels}`}} ${value}`
}
