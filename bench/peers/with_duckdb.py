"""Compare two CSVs by key with DuckDB: `with_duckdb.py OLD NEW` prints added, removed, changed."""

import sys

import duckdb

KEY = '"Service Name", "Port Number", "Transport Protocol"'
OPTIONS = "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N'"
db = duckdb.connect()
for name, path in zip(("old", "new"), sys.argv[1:], strict=True):
    db.execute(f"CREATE TABLE {name} AS FROM read_csv('{path}', {OPTIONS})")
found = db.execute(
    f"""SELECT (SELECT count(*) FROM new ANTI JOIN old USING ({KEY})),
               (SELECT count(*) FROM old ANTI JOIN new USING ({KEY})),
               (SELECT count(*) FROM new JOIN old USING ({KEY}) WHERE new <> old)"""  # noqa: S608 - our own words
).fetchone()
print(*found)
