-- Version 2 of the database: the facts of events, and the deadlines of early allocations (RFC 7120).

-- JSON object of strings: what the texts of the event's entry say (temporary_since, temporary_until, …).
ALTER TABLE events ADD COLUMN facts TEXT NOT NULL DEFAULT '{}';

-- When the early allocations of a source were last compared with the calendar (watcher/monitor/deadlines.py).
CREATE TABLE deadline_runs (
  source TEXT PRIMARY KEY,
  at TEXT NOT NULL                   -- UTC time
) WITHOUT ROWID;

-- The marks that early allocations have passed: so many days before their end, or 0: the end.
CREATE TABLE deadline_marks (
  source TEXT NOT NULL,
  registry TEXT NOT NULL,            -- the path of the nested registry
  value TEXT NOT NULL,               -- the value of the entry, without remarks
  until TEXT NOT NULL,               -- the day until which it counts
  mark INTEGER NOT NULL,             -- 90, 30, 7 or 0
  at TEXT NOT NULL,                  -- UTC time at which this was seen
  alerted INTEGER NOT NULL,          -- 1: subscribers were alerted; 0: it had passed before the source was watched
  PRIMARY KEY (source, registry, value, until, mark)
) WITHOUT ROWID;
