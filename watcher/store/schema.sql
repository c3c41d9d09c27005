-- The whole database, version 1. Open it with sqlite-utils, Datasette or plain SQL; docs/database.md has example queries.
--
-- The releases of a source are ordered by `place` (watcher/monitor/ordering.py decides the order); places have gaps, so
-- that a release fits between two others. A row of `versions` is valid in the releases with first <= place < until
-- (`until` NULL: also in the newest). So the state at a release is one comparison, and inserting an old release changes
-- only the rows of items that differ there.

CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  registry TEXT NOT NULL,            -- the id of the rules that it is read with: "ports", …
  url TEXT,                          -- the URL that the two validators below came from
  etag TEXT,
  last_modified TEXT
);

-- The exact bytes that were served; the archive has them. Several snapshots can have the same release.
CREATE TABLE snapshots (
  source_id INTEGER NOT NULL REFERENCES sources(id),
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  observed TEXT,                     -- UTC time at which it was first seen; NULL: an imported file without a date
  release_id INTEGER NOT NULL REFERENCES releases(id),
  PRIMARY KEY (source_id, sha256)
) WITHOUT ROWID;

CREATE TABLE releases (
  id INTEGER PRIMARY KEY,
  source_id INTEGER NOT NULL REFERENCES sources(id),
  content TEXT NOT NULL,             -- SHA-256 of the canonical content: the release's identity
  returns TEXT,                      -- `content` of the earlier release that came back as this one; NULL: a new one
  published TEXT,                    -- the registry's <updated>, which can repeat, go back, or be wrong
  observed TEXT,                     -- the earliest UTC time at which it was seen
  live INTEGER NOT NULL,             -- 1: a check was served it; 0: imported
  dated TEXT NOT NULL,               -- the day it counts for in queries by date: `published`, unless that is wrong
  place INTEGER NOT NULL,
  sha256 TEXT NOT NULL,              -- the snapshot it was read from
  entries INTEGER NOT NULL,
  problems TEXT NOT NULL,            -- JSON list of {"code", "message", "line"}
  added INTEGER NOT NULL DEFAULT 0,  -- counts of the changes against the release before it
  modified INTEGER NOT NULL DEFAULT 0,
  deprecated INTEGER NOT NULL DEFAULT 0,
  removed INTEGER NOT NULL DEFAULT 0,
  contacts INTEGER NOT NULL DEFAULT 0,
  quiet INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source_id, content),
  UNIQUE (source_id, place)
);

-- One row for every state that an item (an entry, a contact, a registry's header) ever had.
CREATE TABLE versions (
  id INTEGER PRIMARY KEY,
  source_id INTEGER NOT NULL REFERENCES sources(id),
  section TEXT NOT NULL,             -- entry, contact or registry
  key TEXT NOT NULL,                 -- JSON object with `ordinal`
  status TEXT NOT NULL,
  name TEXT NOT NULL,                -- for lookups: the entry's name, else its value; "" if it has neither
  value TEXT NOT NULL,               -- the value, if it has both (0x13,0x01 of TLS_AES_128_GCM_SHA256)
  low INTEGER,                       -- the numbers it covers (a port, a port range); NULL if it has none
  high INTEGER,
  fields TEXT NOT NULL,              -- JSON object of strings
  text TEXT NOT NULL,                -- all field values, for the full-text index
  first INTEGER NOT NULL,
  until INTEGER
);
CREATE INDEX versions_key ON versions (source_id, section, key, first);
CREATE INDEX versions_name ON versions (source_id, name COLLATE NOCASE);
CREATE INDEX versions_value ON versions (source_id, value COLLATE NOCASE) WHERE value <> '';
CREATE INDEX versions_low ON versions (source_id, low, high) WHERE low IS NOT NULL;
CREATE INDEX versions_wide ON versions (source_id, low, high) WHERE high > low; -- the few ranges
CREATE INDEX versions_current ON versions (source_id, section) WHERE until IS NULL;

-- The complete and exact difference between a release and the one before it. Never edited, only derived again.
CREATE TABLE changes (
  release_id INTEGER NOT NULL REFERENCES releases(id),
  seq INTEGER NOT NULL,              -- position in the release's list of changes
  kind TEXT NOT NULL,                -- added, modified, deprecated or removed
  quiet INTEGER NOT NULL,
  before_id INTEGER REFERENCES versions(id),
  after_id INTEGER REFERENCES versions(id),
  fields TEXT NOT NULL,              -- JSON list of {"name", "before", "after"}
  PRIMARY KEY (release_id, seq)
) WITHOUT ROWID;
CREATE INDEX changes_before ON changes (before_id) WHERE before_id IS NOT NULL;
CREATE INDEX changes_after ON changes (after_id) WHERE after_id IS NOT NULL;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  release_id INTEGER NOT NULL REFERENCES releases(id),
  seq INTEGER NOT NULL,
  event TEXT NOT NULL,               -- the event id: port-assigned, …
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  summary TEXT NOT NULL,
  service TEXT NOT NULL,
  ports TEXT NOT NULL,               -- JSON lists
  protocols TEXT NOT NULL,
  was TEXT,
  registry TEXT NOT NULL,            -- paths of its registries, one per line; "" for the document itself
  "values" TEXT NOT NULL,            -- JSON list of the assigned values (a code point, a name)
  evidence TEXT,                     -- the registry's text that a status was read from
  also TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  changes TEXT NOT NULL,             -- JSON list of changes.seq
  text TEXT NOT NULL,                -- summary and field values of its changes, for the full-text index
  UNIQUE (release_id, seq)
);

-- The port ranges of an event, for `history --port`.
CREATE TABLE event_ports (
  event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  PRIMARY KEY (low, high, event_id)
) WITHOUT ROWID;
CREATE INDEX event_ports_event ON event_ports (event_id);
CREATE INDEX event_ports_wide ON event_ports (low, high) WHERE high > low;

-- The names in an event, in lower case, for `history --service`.
CREATE TABLE event_services (
  event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (name, event_id)
) WITHOUT ROWID;
CREATE INDEX event_services_event ON event_services (event_id);

-- Releases that a check was served and that are held (watcher/monitor/plausibility.py). No other table has them.
CREATE TABLE held (
  source TEXT NOT NULL,
  content TEXT NOT NULL,             -- SHA-256 of the canonical content, as in `releases`
  sha256 TEXT NOT NULL,              -- the snapshot it is read from
  published TEXT,
  entries INTEGER NOT NULL,
  reasons TEXT NOT NULL,             -- JSON list of {"code", "sentence", "numbers", "where"}
  first_seen TEXT NOT NULL,          -- UTC time at which this hold began
  last_seen TEXT NOT NULL,
  times INTEGER NOT NULL,            -- number of checks that were served it
  in_a_row INTEGER NOT NULL,         -- those since the last check that was served another release
  state TEXT NOT NULL,               -- held, accepted, rejected or superseded
  decided TEXT,                      -- UTC time at which it left the state `held`
  decided_by TEXT,                   -- operator, confirmed, import, undoubted or newer
  PRIMARY KEY (source, content)
) WITHOUT ROWID;

-- The snapshots of held releases.
CREATE TABLE held_snapshots (
  source TEXT NOT NULL,
  content TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (source, content, sha256),
  FOREIGN KEY (source, content) REFERENCES held (source, content)
) WITHOUT ROWID;

-- Every check with its outcome.
CREATE TABLE checks (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  at TEXT NOT NULL,                  -- UTC time at which it began
  outcome TEXT NOT NULL,             -- baseline, changed, unchanged, cosmetic, stale, held or failed
  reason TEXT,                       -- stable code of the error
  message TEXT,
  sha256 TEXT,
  release_id INTEGER REFERENCES releases(id),
  seconds REAL NOT NULL
);
CREATE INDEX checks_source ON checks (source);
CREATE INDEX checks_seen ON checks (source, at) WHERE outcome <> 'failed';

-- Open alarms: raised and not cleared yet (watcher/monitor/health.py).
CREATE TABLE troubles (
  source TEXT NOT NULL,              -- a source, or "watcher" if it is not about a source
  notice TEXT NOT NULL,              -- the id of the notice that raised it: source-unhealthy, …
  since TEXT NOT NULL,               -- UTC time since when there is a reason
  PRIMARY KEY (source, notice)
) WITHOUT ROWID;

-- Checks that were skipped because the previous one was still running.
CREATE TABLE skips (
  source TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  last TEXT NOT NULL                 -- UTC time
) WITHOUT ROWID;

-- Transactional outbox: messages are written with the release, sent afterwards, and never deleted.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,               -- the same in every retry: webhook-id, Message-ID
  channel TEXT NOT NULL,
  recipient TEXT NOT NULL,           -- an address; "" for a channel with one recipient
  source TEXT NOT NULL,
  release TEXT NOT NULL,             -- content digest of its release; "" for a test message or a notice
  body TEXT NOT NULL,
  created TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending', -- pending, sent, failed, gathering, digested or silenced
  digest TEXT REFERENCES outbox(id), -- of a digested message: the digest that was sent in its place
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt TEXT NOT NULL,        -- UTC time before which it is not sent
  last_error TEXT,
  sent TEXT
);
CREATE INDEX outbox_due ON outbox (next_attempt) WHERE state = 'pending';
CREATE INDEX outbox_unsent ON outbox (state, channel) WHERE state NOT IN ('sent', 'digested');
CREATE INDEX outbox_sent ON outbox (channel, sent) WHERE sent IS NOT NULL;

-- Failing channels and recipients; one that works has no row.
CREATE TABLE endpoints (
  channel TEXT NOT NULL,
  recipient TEXT NOT NULL,           -- "": the channel as a whole; an address: only this one fails
  failures INTEGER NOT NULL,         -- failed attempts in a row
  since TEXT NOT NULL,               -- UTC time of the first of them
  last_error TEXT NOT NULL,
  told TEXT,                         -- UTC time at which the operators were alerted
  gone TEXT,                         -- UTC time at which the channel was disabled because its server answered 410
  PRIMARY KEY (channel, recipient)
) WITHOUT ROWID;

-- The full-text indexes `versions_fts` and `events_fts`: the program inserts new rows, many with one statement; these
-- triggers handle deleted and changed rows. A row whose `first` or `until` changes is not indexed again.
CREATE TRIGGER versions_ad AFTER DELETE ON versions BEGIN
  INSERT INTO versions_fts (versions_fts, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER versions_au AFTER UPDATE OF text ON versions BEGIN
  INSERT INTO versions_fts (versions_fts, rowid, text) VALUES ('delete', old.id, old.text);
  INSERT INTO versions_fts (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER events_ad AFTER DELETE ON events BEGIN
  INSERT INTO events_fts (events_fts, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER events_au AFTER UPDATE OF text ON events BEGIN
  INSERT INTO events_fts (events_fts, rowid, text) VALUES ('delete', old.id, old.text);
  INSERT INTO events_fts (rowid, text) VALUES (new.id, new.text);
END;
