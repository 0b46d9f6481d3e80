import { type FSWatcher, watch } from 'node:fs'

/** Certificate tools write a few files one after the other: look when they are done. */
const DEBOUNCE_MS = 500
/** What no event told (network file systems, a folder that came later) is seen after this time, and so are expiry dates. */
const INTERVAL_MS = 3_600_000

/** Calls back when something in one of some folders has changed, and every hour. Does not keep the process alive. */
export class Watcher {
  private readonly directories: readonly string[]
  private readonly onChange: () => void
  private watching: FSWatcher[] = []
  private readonly interval: NodeJS.Timeout
  private debounce: NodeJS.Timeout | undefined

  constructor(directories: readonly string[], onChange: () => void) {
    this.directories = directories
    this.onChange = onChange
    this.watchAll()
    this.interval = setInterval(() => {
      this.watchAll()
      onChange()
    }, INTERVAL_MS)
    this.interval.unref()
  }

  close(): void {
    clearInterval(this.interval)
    clearTimeout(this.debounce)
    for (const watcher of this.watching) watcher.close()
  }

  /** Folders, not files: a file replaced by renaming, or a link set anew, is another file under the same name. */
  private watchAll(): void {
    // Anew each time: the watch on a folder that was itself replaced is dead without a word.
    for (const watcher of this.watching) watcher.close()
    this.watching = this.directories.flatMap(directory => this.watchOne(directory) ?? [])
  }

  private watchOne(directory: string): FSWatcher | undefined {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.changed())
      watcher.on('error', () => watcher.close())
      return watcher
    } catch {
      // No such folder now, or no more watches to be had: the hourly look tries again.
      return undefined
    }
  }

  private changed(): void {
    clearTimeout(this.debounce)
    this.debounce = setTimeout(this.onChange, DEBOUNCE_MS)
    this.debounce.unref()
  }
}
