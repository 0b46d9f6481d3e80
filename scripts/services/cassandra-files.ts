/** What a node of Cassandra is started with: its configuration file, that of its log, and the command line of Java. */
import { join } from 'node:path'

/** One node. */
export interface NodePlan {
  /** Its own folder; nothing of it lies elsewhere. */
  readonly folder: string
  readonly address: string
  /** The same for all nodes of a ring. */
  readonly ports: { readonly cql: number; readonly storage: number }
  /** The addresses of all nodes of the ring. */
  readonly ring: readonly string[]
  /** Its place in the ring, given so that nothing has to be worked out between the nodes. */
  readonly token: bigint
  /** MiB. */
  readonly heap: number
}

/** `cassandra.yaml`. A write is answered when it has been synced to the disk (`commitlog_sync: batch`). */
export function configuration({ folder, address, ports, ring, token }: NodePlan): string {
  const seeds = ring.map(one => `${one}:${ports.storage}`).join(',')
  return `cluster_name: tidings
num_tokens: 1
initial_token: ${token}
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "${seeds}" }]
listen_address: ${address}
storage_port: ${ports.storage}
rpc_address: ${address}
native_transport_port: ${ports.cql}
start_native_transport: true
data_file_directories: ["${join(folder, 'data')}"]
commitlog_directory: "${join(folder, 'commitlog')}"
saved_caches_directory: "${join(folder, 'caches')}"
hints_directory: "${join(folder, 'hints')}"
cdc_raw_directory: "${join(folder, 'cdc')}"
commitlog_sync: batch
commitlog_segment_size: 32MiB
memtable_heap_space: 128MiB
memtable_offheap_space: 64MiB
concurrent_reads: 16
concurrent_writes: 16
key_cache_size: 8MiB
auto_snapshot: false
snapshot_before_compaction: false
`
}

/** The log: one line for each event, to standard output. */
export const LOGGING = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
`

/** Parts of Java 17 that Cassandra uses and that are closed to others by default, as in its own conf/jvm17-server.options. */
const EXPORTS = [
  'java.base/java.lang.ref',
  'java.base/jdk.internal.misc',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.attach/sun.tools.attach',
  'jdk.compiler/com.sun.tools.javac.file',
  'jdk.unsupported/sun.misc',
]
const OPENS = [
  'java.base/java.io',
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.util',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.compiler/com.sun.tools.javac',
  'jdk.management/com.sun.management.internal',
]

/** Arguments of `java`. `libraries`: the folder with the jars. Made for a quick start: the first compiler alone, no waiting for gossip. */
export function javaArguments({ folder, heap }: NodePlan, libraries: string): readonly string[] {
  return [
    `-javaagent:${join(libraries, 'jamm-0.4.0.jar')}`,
    `-Xms${Math.min(heap, 256)}m`,
    `-Xmx${heap}m`,
    '-XX:MaxDirectMemorySize=256m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    '-XX:+ExitOnOutOfMemoryError',
    '-Djdk.attach.allowAttachSelf=true',
    ...EXPORTS.flatMap(one => ['--add-exports', `${one}=ALL-UNNAMED`]),
    ...OPENS.flatMap(one => ['--add-opens', `${one}=ALL-UNNAMED`]),
    '-Dcassandra-foreground=yes',
    `-Dcassandra.config=file://${join(folder, 'cassandra.yaml')}`,
    `-Dcassandra.storagedir=${folder}`,
    `-Dlogback.configurationFile=${join(folder, 'logback.xml')}`,
    '-Dcassandra.ring_delay_ms=0',
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    '-Dcassandra.superuser_setup_delay_ms=-1',
    '-Dcassandra.consistent.rangemovement=false',
    '-cp',
    join(libraries, '*'),
    'org.apache.cassandra.service.CassandraDaemon',
  ]
}
