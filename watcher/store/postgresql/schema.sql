-- The tables of version 9, with the columns of SQLite's in the same order (schema.sql to schema_9.sql, whose comments say
-- what is in them). Different are only:
--
-- * Texts are ordered by their bytes, as SQLite does, whatever the locale of the database: COLLATE "C".
-- * A number of a new row is one more than the greatest, not of a sequence, so that both databases give the same rows.
-- * A text of any length is looked up by a hash: an entry of a B-tree has at most 2,704 bytes.
-- * The words of texts are in tables with the names of SQLite's full-text indexes.

CREATE TABLE sources (
  id BIGINT PRIMARY KEY DEFAULT next_number('sources', 'id'),
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  registry TEXT COLLATE "C" NOT NULL,
  url TEXT COLLATE "C",
  etag TEXT COLLATE "C",
  last_modified TEXT COLLATE "C",
  rules BIGINT NOT NULL DEFAULT 1,
  read_settings TEXT COLLATE "C" NOT NULL DEFAULT '',
  derived_again TEXT COLLATE "C",
  derivations BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE releases (
  id BIGINT PRIMARY KEY DEFAULT next_number('releases', 'id'),
  source_id BIGINT NOT NULL REFERENCES sources (id) DEFERRABLE,
  content TEXT COLLATE "C" NOT NULL,
  returns TEXT COLLATE "C",
  published TEXT COLLATE "C",
  observed TEXT COLLATE "C",
  live BIGINT NOT NULL,
  dated TEXT COLLATE "C" NOT NULL,
  place BIGINT NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  entries BIGINT NOT NULL,
  problems TEXT COLLATE "C" NOT NULL,
  added BIGINT NOT NULL DEFAULT 0,
  modified BIGINT NOT NULL DEFAULT 0,
  deprecated BIGINT NOT NULL DEFAULT 0,
  removed BIGINT NOT NULL DEFAULT 0,
  contacts BIGINT NOT NULL DEFAULT 0,
  quiet BIGINT NOT NULL DEFAULT 0,
  named TEXT COLLATE "C",
  sequence BIGINT,
  UNIQUE (source_id, content),
  UNIQUE (source_id, place)
);

CREATE TABLE snapshots (
  source_id BIGINT NOT NULL REFERENCES sources (id) DEFERRABLE,
  sha256 TEXT COLLATE "C" NOT NULL,
  size BIGINT NOT NULL,
  observed TEXT COLLATE "C",
  release_id BIGINT NOT NULL REFERENCES releases (id) DEFERRABLE,
  PRIMARY KEY (source_id, sha256)
);

CREATE TABLE versions (
  id BIGINT PRIMARY KEY,
  source_id BIGINT NOT NULL REFERENCES sources (id) DEFERRABLE,
  section TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  low BIGINT,
  high BIGINT,
  fields TEXT COLLATE "C" NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  first BIGINT NOT NULL,
  until BIGINT
);

CREATE TABLE changes (
  release_id BIGINT NOT NULL REFERENCES releases (id) DEFERRABLE,
  seq BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  quiet BIGINT NOT NULL,
  before_id BIGINT REFERENCES versions (id) DEFERRABLE,
  after_id BIGINT REFERENCES versions (id) DEFERRABLE,
  fields TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (release_id, seq)
);

CREATE TABLE events (
  id BIGINT PRIMARY KEY DEFAULT next_number('events', 'id'),
  release_id BIGINT NOT NULL REFERENCES releases (id) DEFERRABLE,
  seq BIGINT NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  severity TEXT COLLATE "C" NOT NULL,
  summary TEXT COLLATE "C" NOT NULL,
  service TEXT COLLATE "C" NOT NULL,
  ports TEXT COLLATE "C" NOT NULL,
  protocols TEXT COLLATE "C" NOT NULL,
  was TEXT COLLATE "C",
  registry TEXT COLLATE "C" NOT NULL,
  "values" TEXT COLLATE "C" NOT NULL,
  evidence TEXT COLLATE "C",
  also TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL,
  changes TEXT COLLATE "C" NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  facts TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  UNIQUE (release_id, seq)
);

CREATE TABLE event_ports (
  event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE DEFERRABLE,
  low BIGINT NOT NULL,
  high BIGINT NOT NULL,
  PRIMARY KEY (low, high, event_id)
);

CREATE TABLE event_services (
  event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE DEFERRABLE,
  name TEXT COLLATE "C" NOT NULL
);

CREATE TABLE event_documents (
  event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE DEFERRABLE,
  document TEXT COLLATE "C" NOT NULL,
  registry TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL
);

CREATE TABLE event_sides (
  event_id BIGINT PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE DEFERRABLE,
  release_id BIGINT NOT NULL REFERENCES releases (id) DEFERRABLE INITIALLY DEFERRED,
  registry TEXT COLLATE "C" NOT NULL,
  changes TEXT COLLATE "C" NOT NULL
);

CREATE TABLE leftovers (
  release_id BIGINT NOT NULL REFERENCES releases (id) ON DELETE CASCADE DEFERRABLE,
  seq BIGINT NOT NULL,
  leaves BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL
);

CREATE TABLE moves (
  new_release BIGINT NOT NULL REFERENCES releases (id) DEFERRABLE INITIALLY DEFERRED,
  new_seq BIGINT NOT NULL,
  old_release BIGINT NOT NULL REFERENCES releases (id) DEFERRABLE INITIALLY DEFERRED,
  old_seq BIGINT NOT NULL,
  is_entry BIGINT NOT NULL,
  PRIMARY KEY (new_release, new_seq)
);

CREATE TABLE held (
  source TEXT COLLATE "C" NOT NULL,
  content TEXT COLLATE "C" NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  published TEXT COLLATE "C",
  entries BIGINT NOT NULL,
  reasons TEXT COLLATE "C" NOT NULL,
  first_seen TEXT COLLATE "C" NOT NULL,
  last_seen TEXT COLLATE "C" NOT NULL,
  times BIGINT NOT NULL,
  in_a_row BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  decided TEXT COLLATE "C",
  decided_by TEXT COLLATE "C",
  PRIMARY KEY (source, content)
);

CREATE TABLE held_snapshots (
  source TEXT COLLATE "C" NOT NULL,
  content TEXT COLLATE "C" NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (source, content, sha256),
  FOREIGN KEY (source, content) REFERENCES held (source, content) DEFERRABLE
);

CREATE TABLE checks (
  id BIGINT PRIMARY KEY DEFAULT next_number('checks', 'id'),
  source TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C",
  message TEXT COLLATE "C",
  sha256 TEXT COLLATE "C",
  release_id BIGINT REFERENCES releases (id) DEFERRABLE,
  seconds DOUBLE PRECISION NOT NULL
);

CREATE TABLE troubles (
  source TEXT COLLATE "C" NOT NULL,
  notice TEXT COLLATE "C" NOT NULL,
  since TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (source, notice)
);

CREATE TABLE skips (
  source TEXT COLLATE "C" PRIMARY KEY,
  number BIGINT NOT NULL,
  last TEXT COLLATE "C" NOT NULL
);

CREATE TABLE outbox (
  id TEXT COLLATE "C" PRIMARY KEY,
  channel TEXT COLLATE "C" NOT NULL,
  recipient TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  release TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  created TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL DEFAULT 'pending',
  digest TEXT COLLATE "C" REFERENCES outbox (id) DEFERRABLE,
  attempts BIGINT NOT NULL DEFAULT 0,
  next_attempt TEXT COLLATE "C" NOT NULL,
  last_error TEXT COLLATE "C",
  sent TEXT COLLATE "C",
  scheduled TEXT COLLATE "C",
  body_of TEXT COLLATE "C" REFERENCES outbox (id) DEFERRABLE,
  schedule TEXT COLLATE "C" NOT NULL DEFAULT '',
  rowid BIGINT NOT NULL DEFAULT next_number('outbox', 'rowid')
);

CREATE TABLE endpoints (
  channel TEXT COLLATE "C" NOT NULL,
  recipient TEXT COLLATE "C" NOT NULL,
  failures BIGINT NOT NULL,
  since TEXT COLLATE "C" NOT NULL,
  last_error TEXT COLLATE "C" NOT NULL,
  told TEXT COLLATE "C",
  gone TEXT COLLATE "C",
  PRIMARY KEY (channel, recipient)
);

CREATE TABLE deadline_runs (
  source TEXT COLLATE "C" PRIMARY KEY,
  at TEXT COLLATE "C" NOT NULL
);

CREATE TABLE deadline_marks (
  source TEXT COLLATE "C" NOT NULL,
  registry TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  until TEXT COLLATE "C" NOT NULL,
  mark BIGINT NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  alerted BIGINT NOT NULL
);

CREATE TABLE acknowledgements (
  source TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL,
  note TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (source, fingerprint)
);

CREATE INDEX versions_key ON versions USING hash (key);
CREATE INDEX versions_name ON versions USING hash (lower(name));
CREATE INDEX versions_value ON versions USING hash (lower(value)) WHERE value <> '';
CREATE INDEX versions_first ON versions (source_id, first);
CREATE INDEX versions_low ON versions (source_id, low, high) WHERE low IS NOT NULL;
CREATE INDEX versions_wide ON versions (source_id, low, high) WHERE high > low;
CREATE INDEX versions_current ON versions (source_id, section) WHERE until IS NULL;
CREATE INDEX changes_before ON changes (before_id) WHERE before_id IS NOT NULL;
CREATE INDEX changes_after ON changes (after_id) WHERE after_id IS NOT NULL;
CREATE INDEX event_ports_event ON event_ports (event_id);
CREATE INDEX event_ports_wide ON event_ports (low, high) WHERE high > low;
CREATE INDEX event_services_event ON event_services (event_id);
CREATE INDEX event_services_name ON event_services USING hash (name);
CREATE INDEX event_documents_event ON event_documents (event_id);
CREATE INDEX event_documents_document ON event_documents USING hash (document);
CREATE INDEX event_sides_release ON event_sides (release_id);
CREATE INDEX leftovers_release ON leftovers (release_id);
CREATE INDEX leftovers_name ON leftovers USING hash (name);
CREATE INDEX moves_old ON moves (old_release, old_seq);
CREATE INDEX checks_source ON checks (source, id);
CREATE INDEX checks_seen ON checks (source, at) WHERE outcome <> 'failed';
CREATE INDEX outbox_due ON outbox (next_attempt) WHERE state = 'pending';
CREATE INDEX outbox_unsent ON outbox (state, channel) WHERE state NOT IN ('sent', 'digested');
CREATE INDEX outbox_sent ON outbox (channel, sent) WHERE sent IS NOT NULL;
CREATE INDEX outbox_body_of ON outbox (body_of) WHERE body_of IS NOT NULL;
CREATE UNIQUE INDEX outbox_rowid ON outbox (rowid);
CREATE UNIQUE INDEX deadline_marks_unique ON deadline_marks (source, md5(registry), md5(value), until, mark);

CREATE TABLE versions_fts (
  rowid BIGINT PRIMARY KEY REFERENCES versions (id) ON DELETE CASCADE,
  words TSVECTOR NOT NULL
);
CREATE INDEX versions_words ON versions_fts USING gin (words);
CREATE TABLE events_fts (
  rowid BIGINT PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
  words TSVECTOR NOT NULL
);
CREATE INDEX events_words ON events_fts USING gin (words);
