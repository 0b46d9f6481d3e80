import t from 'tap'
import { editDistance, suggestion } from '../../src/config/suggest.ts'

const DISTANCES: readonly [string, string, number][] = [
  ['', '', 0],
  ['abc', 'abc', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['port', 'ports', 1],
  ['kitten', 'sitting', 3],
  ['hosst', 'hosts', 1],
  ['ab', 'ba', 1],
]
for (const [a, b, distance] of DISTANCES) t.equal(editDistance(a, b), distance, `${a} -> ${b}`)

t.equal(suggestion('Listenres', ['data', 'listeners']), 'listeners', 'letters swapped, another case')
t.equal(suggestion('prot', ['port', 'root']), 'port', 'the nearest one')
t.equal(suggestion('conf', ['data', 'config']), 'config', 'the beginning of one')
t.equal(suggestion('colour', ['data', 'hosts']), undefined, 'nothing near')
t.equal(suggestion('ab', ['xy']), undefined, 'short words must not match anything')
