-- Version 4 of the database: entries that moved between the registry groups of a collection.

-- The names of the entries that a release of a group removed or added: what a move can be found by.
CREATE TABLE leftovers (
  release_id INTEGER NOT NULL REFERENCES releases(id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,              -- of the change
  leaves INTEGER NOT NULL,           -- 1: the entry was removed; 0: it was added
  name TEXT NOT NULL,                -- in one notation (watcher/registries/generic/group_moves.py)
  PRIMARY KEY (name, leaves, release_id, seq)
) WITHOUT ROWID;
CREATE INDEX leftovers_release ON leftovers (release_id);

-- A change of one group and the change of another group that are one move. Derived from `leftovers` (decision 47).
CREATE TABLE moves (
  new_release INTEGER NOT NULL REFERENCES releases(id) DEFERRABLE INITIALLY DEFERRED,
  new_seq INTEGER NOT NULL,          -- the change that added it
  old_release INTEGER NOT NULL REFERENCES releases(id) DEFERRABLE INITIALLY DEFERRED,
  old_seq INTEGER NOT NULL,          -- the change that removed it
  is_entry INTEGER NOT NULL,         -- 1: one entry; 0: an item that came with the registry that `old_seq` is about
  PRIMARY KEY (new_release, new_seq)
) WITHOUT ROWID;
CREATE INDEX moves_old ON moves (old_release, old_seq);

-- The other side of an event over two groups: the release and the changes that added what the event's own removed.
CREATE TABLE event_sides (
  event_id INTEGER PRIMARY KEY REFERENCES events(id) ON DELETE CASCADE,
  release_id INTEGER NOT NULL REFERENCES releases(id) DEFERRABLE INITIALLY DEFERRED,
  registry TEXT NOT NULL,            -- paths of its registries, one per line
  changes TEXT NOT NULL              -- JSON list of changes.seq
);
CREATE INDEX event_sides_release ON event_sides (release_id);
