/** What a commit gives archived items, and what it asks before. */
export const counts = `
-- The counts of items that are counted together: of an owner with a peer, or with peer = owner all that is counted so.
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

-- The keys of items (64 bits of a hash) by owner, as far as the index is. New ones go to one table of two; a day later or more, the
-- other one is emptied and takes its place. So each key is there for a day at least.
CREATE TABLE key_0(owner INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY(owner, high, low, id)) STRICT, WITHOUT ROWID;
CREATE TABLE key_1(owner INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY(owner, high, low, id)) STRICT, WITHOUT ROWID;
-- A single row: which of the two, and since when, ms since 1970.
CREATE TABLE key_turn(current INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
INSERT INTO key_turn VALUES(0, 0);
`
