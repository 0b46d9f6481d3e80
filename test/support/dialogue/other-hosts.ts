import { randomInt } from 'node:crypto'

/**
 * The text of a dialogue on hosts that no other has, and their names: each of `names` is another one of the same length wherever it stands, in
 * capitals where it is in capitals, also as the parent of a service. Web addresses of this machine stay.
 */
export function onOtherHosts(source: string, names: readonly string[]): readonly [string, readonly string[]] {
  const others = new Map(names.map(name => [name, madeUp(name.length)]))
  const any = new RegExp(`(?<![\\w-]|http://)(?:${names.join('|').replaceAll('.', '\\.')})(?![\\w-])`, 'gi')
  const text = source.replace(any, found => {
    const other = others.get(found.toLowerCase()) as string
    return found === found.toUpperCase() ? other.toUpperCase() : other
  })
  return [text, [...others.values()]]
}

/** A label that nobody has made up before. */
function madeUp(length: number): string {
  return `h${Array.from({ length: length - 1 }, () => randomInt(36).toString(36)).join('')}`
}
