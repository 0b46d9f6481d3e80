/** Arguments and answers of the rarer calls as JSON, with ids and bytes among them. */

/** As text; without a value, that of `null`. */
export function toText(value: unknown): string {
  // `value` is what toJSON made of it, if it has that; buffers do.
  return JSON.stringify(value ?? null, function (this: Readonly<Record<string, unknown>>, name, value) {
    const own = this[name]
    if (typeof own === 'bigint') return { id: own.toString() }
    if (own instanceof Uint8Array) return { bytes: Buffer.from(own).toString('base64') }
    return value
  })
}

/** The other way. */
export function fromText(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if ('id' in value && typeof value.id === 'string') return BigInt(value.id)
    if ('bytes' in value && typeof value.bytes === 'string') return Buffer.from(value.bytes, 'base64')
    return value
  })
}
