/** How clients are sent away. */
export interface Drain {
  /** Over how many seconds. Those that may come back to resume their sessions have as long again. */
  readonly seconds: number
  /** Where they are to go: a host or address, perhaps with a port (RFC 6120 §4.9.3.19). Default: where they find by themselves. */
  readonly to?: string | undefined
}

/** What a drain has come to. */
export interface Drained {
  /** Connections that there were. */
  readonly connections: number
  /** Sessions that nobody has resumed at another node in time. Their messages went the way of all whose session ends. */
  readonly forsaken: number
}
