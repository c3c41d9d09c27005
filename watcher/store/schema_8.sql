-- Version 8 of the database: a message for many recipients is stored once.

-- The message whose body this one has, with an empty body here; NULL: the body is in this row.
ALTER TABLE outbox ADD COLUMN body_of TEXT REFERENCES outbox(id);
CREATE INDEX outbox_body_of ON outbox (body_of) WHERE body_of IS NOT NULL;
