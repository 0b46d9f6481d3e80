/** What a commit gives archived items, and what it asks before. */
export const counts = `
-- The counts of items that are counted together: of an owner with a peer, or with peer 1 (nobody) all that the owner counts so.
-- Written with the index, so they are as far as that is; what comes after is in the rows of the log. "id" is the last item counted.
CREATE TABLE counter(
  archive_id INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  unread INTEGER NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY(archive_id, owner, peer)
) STRICT, WITHOUT ROWID;

-- The keys of items (keys.ts), packed as they were indexed; "last" is the greatest id among them.
CREATE TABLE key_page(page INTEGER PRIMARY KEY, last INTEGER NOT NULL, keys BLOB NOT NULL) STRICT;
-- A single row: keys of items up to "border" are the older ones; since when (ms since 1970) the younger ones are gathered.
CREATE TABLE key_turn(border INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
INSERT INTO key_turn VALUES(0, 0);
`
