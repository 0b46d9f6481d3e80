/** What the user of a client sees that knows archives (XEP-0313): each message once, by its id in the archive (XEP-0359), in the archive's order. */
export class ShownMessages {
  /** Ids of the stanzas. */
  readonly ids: string[] = []
  /** The id in the archive of the last one. */
  last: string | undefined
  readonly #known = new Set<string>()
  /** What comes live while older ones are fetched waits. */
  #waiting: { id: string; archived: string | undefined }[] | undefined

  /** A message has come; `archived` is its id in the archive, if it is there. */
  live(id: string, archived: string | undefined): void {
    if (this.#waiting === undefined) this.#show(id, archived)
    else this.#waiting.push({ id, archived })
  }

  /** From now on what lacks is fetched. */
  fetch(): void {
    this.#waiting ??= []
  }

  /** The archive has brought this one. */
  fetched(id: string, archived: string | undefined): void {
    this.#show(id, archived)
  }

  /** Nothing lacks any more. */
  complete(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const { id, archived } of waiting) this.#show(id, archived)
  }

  #show(id: string, archived: string | undefined): void {
    if (archived !== undefined) {
      if (this.#known.has(archived)) return
      this.#known.add(archived)
      this.last = archived
    }
    this.ids.push(id)
  }
}
