-- The whole database, version 1. Open it with sqlite-utils, Datasette or plain SQL; docs/database.md has example queries.
--
-- A release's `place` is the number that the releases of a source are ordered by (watcher/order.py says how), with
-- gaps between. An item stood in the releases whose place is >= version.first and < version.until (`until` NULL: it
-- still stands), so that "as of a release" is one comparison and inserting an old release touches only what changed.

CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  registry TEXT NOT NULL,            -- which identity and rules: "ports", …
  url TEXT,                          -- the URL that the validators below belong to
  etag TEXT,
  last_modified TEXT
);

-- What was served, byte for byte; the bytes are in the archive. Several snapshots can be one release.
CREATE TABLE snapshots (
  source_id INTEGER NOT NULL REFERENCES sources(id),
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  observed TEXT,                     -- UTC time at which it was first seen; NULL: an imported file that nobody dated
  release_id INTEGER NOT NULL REFERENCES releases(id),
  PRIMARY KEY (source_id, sha256)
) WITHOUT ROWID;

CREATE TABLE releases (
  id INTEGER PRIMARY KEY,
  source_id INTEGER NOT NULL REFERENCES sources(id),
  content TEXT NOT NULL,             -- SHA-256 of the canonical content: the release's identity
  returns TEXT,                      -- `content` of the earlier release that came back as this one; NULL: it is new
  published TEXT,                    -- the registry's own <updated>: a label that can repeat, go back, or lie
  observed TEXT,                     -- the earliest UTC time at which somebody saw it
  live INTEGER NOT NULL,             -- 1: we saw it ourselves in a check; 0: imported
  dated TEXT NOT NULL,               -- the day it counts for when a date is asked for: `published` unless that lies
  place INTEGER NOT NULL,
  sha256 TEXT NOT NULL,              -- the snapshot it is read from
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

-- One row for every state an item (an entry, a contact, a registry's header) was ever in.
CREATE TABLE versions (
  id INTEGER PRIMARY KEY,
  source_id INTEGER NOT NULL REFERENCES sources(id),
  section TEXT NOT NULL,             -- entry, contact or registry
  key TEXT NOT NULL,                 -- JSON object, `ordinal` included
  status TEXT NOT NULL,
  name TEXT NOT NULL,                -- what it is looked up by: the entry's name, else its value; "" where it has none
  value TEXT NOT NULL,               -- the value, where it has both (0x13,0x01 of TLS_AES_128_GCM_SHA256)
  low INTEGER,                       -- the numbers it stands for (a port, a port range); NULL where it has none
  high INTEGER,
  fields TEXT NOT NULL,              -- JSON object of strings
  text TEXT NOT NULL,                -- all of it as words, for the full-text index
  first INTEGER NOT NULL,
  until INTEGER
);
CREATE INDEX versions_key ON versions (source_id, section, key, first);
CREATE INDEX versions_name ON versions (source_id, name COLLATE NOCASE);
CREATE INDEX versions_value ON versions (source_id, value COLLATE NOCASE) WHERE value <> '';
CREATE INDEX versions_low ON versions (source_id, low, high) WHERE low IS NOT NULL;
CREATE INDEX versions_wide ON versions (source_id, low, high) WHERE high > low; -- few: a number may be inside of them
CREATE INDEX versions_current ON versions (source_id, section) WHERE until IS NULL;

-- The complete and exact difference of a release and the one before it. Never edited, only derived again.
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
  registry TEXT NOT NULL,            -- the path of the nested registry; "" for the document's own rows
  "values" TEXT NOT NULL,            -- JSON list: what the registry gives there (a code point, a name)
  evidence TEXT,                     -- the registry's text that a status was read from
  also TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  changes TEXT NOT NULL,             -- JSON list of changes.seq
  text TEXT NOT NULL,                -- the summary and every word of its changes, for the full-text index
  UNIQUE (release_id, seq)
);

-- The port ranges an event touches: what `history --port` asks.
CREATE TABLE event_ports (
  event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  PRIMARY KEY (low, high, event_id)
) WITHOUT ROWID;
CREATE INDEX event_ports_event ON event_ports (event_id);
CREATE INDEX event_ports_wide ON event_ports (low, high) WHERE high > low;

-- The services an event names, in lower case: what `history --service` asks.
CREATE TABLE event_services (
  event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (name, event_id)
) WITHOUT ROWID;
CREATE INDEX event_services_event ON event_services (event_id);

-- Releases that a check was served and that are not believed: no other table knows of them (watcher/plausibility.py).
CREATE TABLE held (
  source TEXT NOT NULL,
  content TEXT NOT NULL,             -- SHA-256 of the canonical content, as in `releases`
  sha256 TEXT NOT NULL,              -- the snapshot it is read from
  published TEXT,
  entries INTEGER NOT NULL,
  reasons TEXT NOT NULL,             -- JSON list of {"code", "sentence", "numbers", "where"}
  first_seen TEXT NOT NULL,          -- UTC time at which this hold began
  last_seen TEXT NOT NULL,
  times INTEGER NOT NULL,            -- checks that were served it
  in_a_row INTEGER NOT NULL,         -- those since anything else was served
  state TEXT NOT NULL,               -- held, accepted, rejected or superseded
  decided TEXT,                      -- UTC time at which it left the state `held`
  decided_by TEXT,                   -- operator, confirmed, import, undoubted or newer
  PRIMARY KEY (source, content)
) WITHOUT ROWID;

-- The bytes that a held release was served in.
CREATE TABLE held_snapshots (
  source TEXT NOT NULL,
  content TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (source, content, sha256),
  FOREIGN KEY (source, content) REFERENCES held (source, content)
) WITHOUT ROWID;

-- Every attempt to look, whatever came of it.
CREATE TABLE checks (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  at TEXT NOT NULL,                  -- UTC time at which it began
  outcome TEXT NOT NULL,             -- baseline, changed, unchanged, cosmetic, stale, held or failed (watcher/intake.py)
  reason TEXT,                       -- stable code of what went wrong
  message TEXT,
  sha256 TEXT,
  release_id INTEGER REFERENCES releases(id),
  seconds REAL NOT NULL
);
CREATE INDEX checks_source ON checks (source);
CREATE INDEX checks_seen ON checks (source, at) WHERE outcome <> 'failed';

-- Alarms about the watcher itself that were raised and not called off yet (watcher/health.py).
CREATE TABLE troubles (
  source TEXT NOT NULL,              -- a source, or "watcher" where it is about none
  notice TEXT NOT NULL,              -- the id of the notice that raised it: source-unhealthy, …
  since TEXT NOT NULL,               -- UTC time since when there was a reason for it
  PRIMARY KEY (source, notice)
) WITHOUT ROWID;

-- Turns that did not take place because the one before was still under way.
CREATE TABLE skips (
  source TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  last TEXT NOT NULL                 -- UTC time
) WITHOUT ROWID;

-- Transactional outbox: written with the release, sent after it, kept for ever.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,               -- stays the same over every retry: webhook-id, Message-ID
  channel TEXT NOT NULL,
  recipient TEXT NOT NULL,           -- an address; "" for a channel with one recipient
  source TEXT NOT NULL,
  release TEXT NOT NULL,             -- content digest of the release it tells of; "" for a test message or a notice
  body TEXT NOT NULL,
  created TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending', -- pending, sent, failed (given up), gathering, digested or silenced
  digest TEXT REFERENCES outbox(id), -- of a digested message: the one that was sent in its place
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt TEXT NOT NULL,        -- UTC time before which it is not tried
  last_error TEXT,
  sent TEXT
);
CREATE INDEX outbox_due ON outbox (next_attempt) WHERE state = 'pending';
CREATE INDEX outbox_unsent ON outbox (state, channel) WHERE state NOT IN ('sent', 'digested');
CREATE INDEX outbox_sent ON outbox (channel, sent) WHERE sent IS NOT NULL;

-- The other sides that do not take what is sent to them; one that is well has no row.
CREATE TABLE endpoints (
  channel TEXT NOT NULL,
  recipient TEXT NOT NULL,           -- "": the channel as a whole; an address: what is wrong with that one alone
  failures INTEGER NOT NULL,         -- failed tries in a row
  since TEXT NOT NULL,               -- UTC time of the first of them
  last_error TEXT NOT NULL,
  told TEXT,                         -- UTC time at which the operators were told
  gone TEXT,                         -- UTC time at which the other side said that it is gone (410): nothing is sent
  PRIMARY KEY (channel, recipient)
) WITHOUT ROWID;

-- The full-text indexes `versions_fts` and `events_fts`: who inserts rows puts them there, all at once; what goes or
-- changes is taken out here. A row that only begins or ends with another release is not indexed anew.
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
