import t from 'tap'
import { mergeMetrics } from '../../src/operations/merge-metrics.ts'

t.test('each metric once, each value with its process', async t => {
  const scrape = (value: number, more = '') =>
    `# HELP a_total Things\n# TYPE a_total counter\na_total ${value}\na_total{kind="x y",le="+Inf"} 2\n\n${more}`
  const other = '# HELP b How\n# TYPE b gauge\nb 1.5e3\n'
  t.equal(
    mergeMetrics(
      new Map([
        ['storage', scrape(1)],
        ['1', scrape(3, other)],
      ]),
    ),
    `# HELP a_total Things
# TYPE a_total counter
a_total{worker="storage"} 1
a_total{worker="storage",kind="x y",le="+Inf"} 2
a_total{worker="1"} 3
a_total{worker="1",kind="x y",le="+Inf"} 2
# HELP b How
# TYPE b gauge
b{worker="1"} 1.5e3
`,
  )
})
