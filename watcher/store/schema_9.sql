-- Version 9 of the database: digests on schedule, and acknowledged events.

-- Of a gathered message: the schedule of its digest in words (`daily 08:00 Europe/Berlin`); '': that of the channel.
ALTER TABLE outbox ADD COLUMN schedule TEXT NOT NULL DEFAULT '';

-- Events that an operator has seen, with a note. By fingerprint: a rebuild gives events other rows.
CREATE TABLE acknowledgements (
  source TEXT NOT NULL,
  fingerprint TEXT NOT NULL,         -- as in `events`
  note TEXT NOT NULL,
  at TEXT NOT NULL,                  -- UTC time
  PRIMARY KEY (source, fingerprint)
) WITHOUT ROWID;
