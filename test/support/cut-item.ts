/** An element of a stream as text, for clients that share nothing with src. */
export interface Item {
  readonly name: string
  /** Its start tag. */
  readonly tag: string
  readonly text: string
  /** Where it ends in what it was cut from. */
  readonly end: number
}

/** The first whole element; a stream's header and footer are such, too. Undefined as long as there is none. */
export function cutItem(from: string): Item | undefined {
  const match = /^\s*(?:<\?[^>]*\?>)?<(\/?[\w:]+)[^>]*>/.exec(from)
  if (match === null) return undefined
  const [tag, name] = match as unknown as [string, string]
  const alone = tag.endsWith('/>') || name === 'stream:stream' || name.startsWith('/')
  const end = alone ? tag.length : endOf(from, name)
  return end === undefined ? undefined : { name, tag, text: from.slice(0, end), end }
}

/** Where the first element of this name ends, with others of the same name inside: results of an archive have such. */
function endOf(text: string, name: string): number | undefined {
  const tags = new RegExp(`<(/?)${name}(?=[\\s/>])[^>]*?(/?)>`, 'g')
  let open = 0
  for (let match = tags.exec(text); match !== null; match = tags.exec(text)) {
    if (match[2] === '') open += match[1] === '' ? 1 : -1
    if (open === 0) return tags.lastIndex
  }
  return undefined
}

/** The value of an attribute in a start tag. */
export function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\s${name}=["']([^"']*)["']`).exec(tag)?.[1]
}
