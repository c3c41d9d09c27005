-- Version 5 of the database: the settings that a history was read with.

-- JSON object of the settings that decide how a release is read (watcher/core/read_settings.py); '': not recorded.
ALTER TABLE sources ADD COLUMN read_settings TEXT NOT NULL DEFAULT '';

-- UTC time at which the history was last derived again because these settings had changed; NULL: never.
ALTER TABLE sources ADD COLUMN derived_again TEXT;
