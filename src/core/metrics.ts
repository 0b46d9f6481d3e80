/**
 * What the server counts. On the hot path a metric is a plain number or an array of numbers; names, labels and text are for whoever
 * asks (operations/exporter.ts), who may take his time.
 */
import type { Clock } from './clock.ts'

/** Names and values that tell metrics of one name apart: `{ kind: 'message' }`. */
export type Labels = Readonly<Record<string, string>>

/** Only grows. On the hot path: `counter.value++`. */
export class Counter {
  value = 0
}

/** How often something took how long. */
export class Histogram {
  /** Upper bounds of the buckets, ms, ascending; a last bucket takes the rest. */
  readonly bounds: readonly number[]
  /** How many fell into each bucket, one more than there are bounds. */
  readonly counts: number[]
  /** All durations together, ms. */
  sum = 0
  readonly #clock: Pick<Clock, 'monotonic'>

  constructor(bounds: readonly number[], clock: Pick<Clock, 'monotonic'>) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
    this.#clock = clock
  }

  /** Counts one duration, ms. */
  observe(ms: number): void {
    let bucket = 0
    while (ms > this.bounds[bucket]!) bucket++
    this.counts[bucket]!++
    this.sum += ms
  }

  /** Counts the time from a moment of the monotonic clock until now. */
  since(start: number): void {
    this.observe(this.#clock.monotonic() - start)
  }

  /** Counts how long a promise takes to settle; gives it back. */
  timed<T>(work: Promise<T>): Promise<T> {
    const start = this.#clock.monotonic()
    const done = (): void => this.since(start)
    work.then(done, done)
    return work
  }
}

/** A metric with what is said about it. */
export type Metric = { readonly name: string; readonly doc: string; readonly labels: Labels } & (
  | { readonly kind: 'counter'; readonly counter: Counter }
  | { readonly kind: 'histogram'; readonly histogram: Histogram }
  | { readonly kind: 'gauge'; readonly read: () => number }
)

/** Upper bounds, ms: from what a chat message takes to what nobody waits for. */
const DURATIONS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000]

/** All metrics of a server. Names are those of Prometheus: `tidings_sessions`; counters end in `_total`, durations in `_seconds`. */
export class Metrics {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #all: Metric[] = []

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** In the order in which they were declared; those of one name stand together. */
  get all(): readonly Metric[] {
    const names = [...new Set(this.#all.map(({ name }) => name))]
    return names.flatMap(name => this.#all.filter(metric => metric.name === name))
  }

  /** Declares something that is counted. Throws when it is declared already. */
  counter(name: string, doc: string, labels: Labels = {}): Counter {
    const counter = new Counter()
    this.#add({ kind: 'counter', name, doc, labels, counter })
    return counter
  }

  /** Declares something that is counted elsewhere, and read when somebody asks. Throws when it is declared already. */
  counted(name: string, doc: string, read: () => number, labels: Labels = {}): void {
    const counter: Counter = {
      get value() {
        return read()
      },
    }
    this.#add({ kind: 'counter', name, doc, labels, counter })
  }

  /** Declares a duration. Throws when it is declared already. */
  histogram(name: string, doc: string, labels: Labels = {}): Histogram {
    const histogram = new Histogram(DURATIONS, this.#clock)
    this.#add({ kind: 'histogram', name, doc, labels, histogram })
    return histogram
  }

  /** Declares a number that goes up and down and is read when somebody asks. Throws when it is declared already. */
  gauge(name: string, doc: string, read: () => number, labels: Labels = {}): void {
    this.#add({ kind: 'gauge', name, doc, labels, read })
  }

  #add(metric: Metric): void {
    const key = JSON.stringify(metric.labels)
    const rivals = this.#all.filter(({ name }) => name === metric.name)
    if (rivals.some(({ kind, labels }) => kind !== metric.kind || JSON.stringify(labels) === key))
      throw new Error(`the metric ${metric.name} ${key} is declared twice`)
    this.#all.push(metric)
  }
}
