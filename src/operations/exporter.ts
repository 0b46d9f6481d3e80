/** Metrics as Prometheus reads them. */
import { collectDefaultMetrics, type Metric as Exported, Registry } from 'prom-client'
import type { Histogram, Metric, Metrics } from '../core/metrics.ts'
import { software } from '../core/software.ts'

/** How finely the lag of the event loop is measured, ms: each is a wake-up of the process. */
const LAG_RESOLUTION_MS = 50

/** Text for a scrape. */
export interface Exposition {
  readonly contentType: string
  text(): Promise<string>
}

/** Exports the metrics of a server, and beside them those of its process: memory, CPU, event loop, garbage collection, open files. */
export function exposition(metrics: Metrics): Exposition {
  const register = new Registry()
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: LAG_RESOLUTION_MS })
  for (const family of families(metrics)) register.registerMetric(family)
  return { contentType: register.contentType, text: () => register.metrics() }
}

interface Value {
  readonly metricName?: string
  readonly labels: Record<string, string | number>
  readonly value: number
}

/** One entry per name, read anew at each scrape. */
function families(metrics: Metrics): Exported[] {
  const info = family('tidings_info', 'gauge', 'The program', () => [
    { labels: { version: software.version }, value: 1 },
  ])
  const byName = Map.groupBy(metrics.all, ({ name }) => name)
  const own = [...byName.values()].map(group =>
    family(group[0]!.name, group[0]!.kind, group[0]!.doc, () => group.flatMap(valuesOf)),
  )
  return [info, ...own]
}

/** What prom-client asks of a metric when it writes one: its own classes would keep every number a second time. */
function family(name: string, type: Metric['kind'], help: string, values: () => Value[]): Exported {
  const get = async () => ({ name, help, type, values: values(), aggregator: 'sum' })
  return { name, help, type, get } as unknown as Exported
}

function valuesOf(metric: Metric): Value[] {
  const labels = { ...metric.labels }
  if (metric.kind === 'counter') return [{ labels, value: metric.counter.value }]
  if (metric.kind === 'gauge') return [{ labels, value: metric.read() }]
  return histogramValues(metric.name, labels, metric.histogram)
}

/** Buckets are cumulative, and durations in seconds. */
function histogramValues(
  name: string,
  labels: Record<string, string>,
  { bounds, counts, sum }: Histogram,
): Value[] {
  let total = 0
  const buckets = counts.map((count, index): Value => {
    total += count
    const bound = bounds[index]
    const le = bound === undefined ? '+Inf' : bound / 1000
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum / 1000 },
    { metricName: `${name}_count`, labels, value: total },
  ]
}
