-- Version 3 of the database: what orders releases of one date, the rules of events, and the documents of events.

-- The time that the file or folder of an imported release is named after, or the place of its commit.
ALTER TABLE releases ADD COLUMN named TEXT;

-- The version of the rules that judged the events of a source; 1: those of the version before this column.
ALTER TABLE sources ADD COLUMN rules INTEGER NOT NULL DEFAULT 1;

-- The documents that the changed entries of an event refer to, for `history --rfc` and `--draft`.
CREATE TABLE event_documents (
  event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
  document TEXT NOT NULL,            -- rfc9350, or a draft without its version: draft-ietf-lsr-flex-algo
  registry TEXT NOT NULL,            -- the path of the nested registry of those entries
  role TEXT NOT NULL,                -- added: a change brought the reference; removed: it went; kept
  PRIMARY KEY (document, event_id, registry)
) WITHOUT ROWID;
CREATE INDEX event_documents_event ON event_documents (event_id);
