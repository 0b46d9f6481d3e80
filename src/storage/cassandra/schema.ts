/** What is kept how: docs/decisions/0020-cassandra-layout.md says why. A migration that has been released is never changed. */

/** The version that this program needs. */
export const SCHEMA_VERSION = 1

/** Statements for a keyspace: the first makes version 1, and so on. Each may run twice: `IF NOT EXISTS`. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    // Names of tables and archives, and what kind each is for ever.
    `CREATE TABLE IF NOT EXISTS kinds (name text PRIMARY KEY, kind text)`,
    // How often each slot of owners has been taken, and by whom last.
    `CREATE TABLE IF NOT EXISTS epochs (part int, slot int, epoch bigint, holder text, PRIMARY KEY (part, slot))`,
    // Rows of kind lww and mark. All of an owner's are one partition, so a commit to several tables of an owner is one mutation.
    `CREATE TABLE IF NOT EXISTS rows (
       owner text, tbl text, key text, json text, expires bigint, PRIMARY KEY ((owner), tbl, key))`,
    // Rows of kind cas, changed by lightweight transactions alone. json is null for a moment after a removal.
    `CREATE TABLE IF NOT EXISTS cas_rows (
       owner text, tbl text, key text, json text, nonce text, PRIMARY KEY ((owner, tbl), key))`,
    // Who may have rows in a table, or items in an archive.
    `CREATE TABLE IF NOT EXISTS owners (tbl text, shard int, owner text, PRIMARY KEY ((tbl, shard), owner))`,
    // The items of an archive. weight: how full the bucket is with this item.
    `CREATE TABLE IF NOT EXISTS items (
       archive text, owner text, bucket bigint, id bigint, time bigint, peer text, resource text, payload blob,
       counted text, sequence bigint, unread bigint, key text, weight int,
       PRIMARY KEY ((archive, owner, bucket), id))
     WITH compaction = {'class': 'UnifiedCompactionStrategy'}`,
    `CREATE CUSTOM INDEX IF NOT EXISTS items_by_peer ON items (peer) USING 'StorageAttachedIndex'`,
    // An owner's buckets: the first id of each, and when it was given.
    `CREATE TABLE IF NOT EXISTS buckets (
       archive text, owner text, bucket bigint, time bigint, PRIMARY KEY ((archive, owner), bucket))`,
    // What has been counted up to an item.
    `CREATE TABLE IF NOT EXISTS counts (
       archive text, owner text, upto bigint static, name text, sequence bigint, unread bigint,
       PRIMARY KEY ((archive, owner), name))`,
    // Keys of items that were erased before their keys were a day old.
    `CREATE TABLE IF NOT EXISTS keys (
       archive text, owner text, key text, id bigint, time bigint, PRIMARY KEY ((archive, owner), key))`,
  ],
]
