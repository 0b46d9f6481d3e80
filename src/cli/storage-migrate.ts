import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'storage migrate',
  summary:
    'Makes the tables of storage.kind "cassandra", or brings them to the version that this program needs.',
  positionals: [],
  options: CONFIG_OPTION,
  notes: `Run it before the first start, and before the first node of a new version is started. Nodes that run go on meanwhile.
The keyspace is made where it is not there, with storage.cassandra.replication; one that is there is taken as it is.
Two that run at once do it one after the other.`,
  examples: ['tidings storage migrate', 'tidings storage migrate --config /etc/tidings.yaml'],
  async run({ options }, terminal) {
    const { loadConfig } = await import('../main.ts')
    const { migrateStorage } = await import('../back-ends.ts')
    const config = await loadConfig(options.config)
    const { from, to } = await migrateStorage(config)
    const { keyspace } = config.storage.cassandra
    terminal.out(
      from === to
        ? `Keyspace "${keyspace}" is of version ${to} already.\n`
        : `Keyspace "${keyspace}" is of version ${to} now (it was of version ${from}).\n`,
    )
    return 0
  },
}
