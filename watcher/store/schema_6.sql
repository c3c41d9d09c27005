-- Version 6 of the database: the order of checks and of messages does not depend on the clock.

-- Position of a release among those that checks of its source were served; NULL: imported, or of an older version.
ALTER TABLE releases ADD COLUMN sequence INTEGER;

-- UTC time of the clock by which `next_attempt` was set; NULL: an older version set it.
ALTER TABLE outbox ADD COLUMN scheduled TEXT;
