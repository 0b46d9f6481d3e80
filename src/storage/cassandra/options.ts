/** How to reach Cassandra, and how to use it. */
export interface CassandraOptions {
  /** Nodes to ask first, as `host` or `host:port`; they tell of the others. */
  readonly contactPoints: readonly string[]
  /** The port of nodes for which none is given; 9042 by default. */
  readonly port?: number
  /** Everything is kept in this keyspace. */
  readonly keyspace: string
  /** The data centre whose nodes are asked. */
  readonly localDataCenter: string
  /** `local_quorum` by default. Fewer than a quorum is not offered: a new home must see what the former one has stored. */
  readonly consistency?: Consistency
  readonly user?: string
  readonly password?: string
  /** Certificates in PEM; absent: no TLS. */
  readonly tls?: CassandraTls
  /** How many requests are under way at once; 256 by default. The others wait. */
  readonly requests?: number
  /** How long one attempt to write may take, ms; 2,500 by default, which is more than Cassandra's own `write_request_timeout`. */
  readonly writeTimeout?: number
  /** How long a commit is tried again before it is refused, ms; 10,000 by default. */
  readonly patience?: number
}

/** Who must have stored a write, and who is asked on a read. */
export type Consistency = 'local_quorum' | 'quorum' | 'each_quorum' | 'all'

/** PEM texts. */
export interface CassandraTls {
  /** Who signs the nodes' certificates; absent: those that Node trusts. */
  readonly authority?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

/** How many times data are kept: a number, or a number for each data centre. */
export type Replication = number | Readonly<Record<string, number>>
