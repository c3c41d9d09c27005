-- Version 7 of the database: processes see that another one replaced the history of a source.

-- How often the history was derived again: rows and places of releases are other ones since.
ALTER TABLE sources ADD COLUMN derivations INTEGER NOT NULL DEFAULT 0;
