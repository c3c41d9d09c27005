-- The functions of SQLite that statements use, and PostgreSQL lacks, under the same names. They are replaced when a
-- history is migrated.

-- A JSON text without NUL characters, which PostgreSQL's texts cannot have.
CREATE OR REPLACE FUNCTION parse_json(document TEXT) RETURNS json LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN strpos(document, '\u0000') = 0 THEN document
    ELSE regexp_replace(document, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END::json
$$;

-- The texts of a JSON list.
CREATE OR REPLACE FUNCTION json_each(list TEXT) RETURNS TABLE (value TEXT) LANGUAGE sql STABLE ROWS 20 AS $$
  SELECT * FROM json_array_elements_text(parse_json(list))
$$;

CREATE OR REPLACE FUNCTION json_array_length(list TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE AS $$
  SELECT json_array_length(list::json)
$$;

CREATE OR REPLACE FUNCTION json_item(list TEXT, place INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
  SELECT parse_json(list) ->> place
$$;

CREATE OR REPLACE FUNCTION json_member(object TEXT, name TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
  SELECT parse_json(object) ->> name
$$;

DROP OPERATOR IF EXISTS ->> (TEXT, INTEGER);
CREATE OPERATOR ->> (LEFTARG = TEXT, RIGHTARG = INTEGER, FUNCTION = json_item);
DROP OPERATOR IF EXISTS ->> (TEXT, TEXT);
CREATE OPERATOR ->> (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = json_member);

-- The days since noon in Greenwich on 24 November 4714 B.C., of a day or of a UTC time as `core.times` writes them; NULL
-- for another text. Days are counted on from the first of the month: SQLite has 2026-02-30 too.
CREATE OR REPLACE FUNCTION julianday(moment TEXT) RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN moment ~ '^(?!0000)\d{4}-(0[1-9]|1[0-2])-\d\d(T\d\d:\d\d:\d\dZ)?$' THEN
    (210866760000000 + 1000 * (
      86400 * (make_date(substr(moment, 1, 4)::int, substr(moment, 6, 2)::int, 1) - DATE '1970-01-01'
        + substr(moment, 9, 2)::bigint - 1)
      + CASE WHEN length(moment) = 10 THEN 0 ELSE
          3600 * substr(moment, 12, 2)::int + 60 * substr(moment, 15, 2)::int + substr(moment, 18, 2)::int END
    ))::double precision / 86400000 END
$$;

-- Whether a text matches a pattern with *, ? and [ ].
CREATE OR REPLACE FUNCTION glob(pattern TEXT, content TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  expression TEXT := '';
  place INTEGER := 1;
  letter TEXT;
  class TEXT;
BEGIN
  WHILE place <= length(pattern) LOOP
    letter := substr(pattern, place, 1);
    place := place + 1;
    IF letter = '*' THEN
      expression := expression || '.*';
    ELSIF letter = '?' THEN
      expression := expression || '.';
    ELSIF letter = '[' THEN
      class := substring(substr(pattern, place) FROM '^(\^?\]?[^\]]*)\]');
      IF class IS NULL THEN
        RETURN FALSE;
      END IF;
      expression := expression || '[' || replace(class, '\', '\\') || ']';
      place := place + length(class) + 1;
    ELSE
      expression := expression || regexp_replace(letter, '([^[:alnum:]_-])', '\\\1');
    END IF;
  END LOOP;
  RETURN content ~ ('^' || expression || '$');
END
$$;

-- The number of the next row of a table, as SQLite gives it: one more than the greatest. Who writes has the lock of
-- writers (`PostgresqlDatabase.transaction`).
CREATE OR REPLACE FUNCTION next_number(table_name TEXT, column_name TEXT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
  number BIGINT;
BEGIN
  EXECUTE format('SELECT coalesce(max(%I), 0) + 1 FROM %I', column_name, table_name) INTO number;
  RETURN number;
END
$$;
