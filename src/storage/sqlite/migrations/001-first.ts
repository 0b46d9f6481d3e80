/** Tables, archives and how far the archive index is. */
export const first = `
-- Rows of all tables. Keys are compared by their bytes (BINARY, UTF-8).
CREATE TABLE table_name(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL) STRICT;
CREATE TABLE item(
  table_id INTEGER NOT NULL,
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  json TEXT NOT NULL,
  expires INTEGER, -- ms since 1970
  PRIMARY KEY(table_id, owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_expires ON item(expires) WHERE expires IS NOT NULL;

-- Archives. Addresses (owners and peers) are numbered; the numbers start at 2, see erase.ts.
CREATE TABLE archive_name(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE address(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

-- One month (UTC, year * 12 + month) of an archive: the tables log_<id> and index_<id>, made when its first item comes.
CREATE TABLE segment(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  archive_id INTEGER NOT NULL,
  month INTEGER NOT NULL,
  dropping INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A single row. The log is the truth; the index follows (write-behind.ts). Log rows up to id "low" are indexed. Those after it
-- and up to "high" are being indexed in the order of (segment, owner, id); the last one done is (segment, owner, id).
-- "generation" counts changes of names and segments; "last_id" keeps ids growing when the newest segment has been dropped.
CREATE TABLE progress(
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  id INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  last_id INTEGER NOT NULL
) STRICT;
INSERT INTO progress VALUES(0, 0, 0, 0, 0, 0, 0);
INSERT INTO address VALUES(1, '');
`
