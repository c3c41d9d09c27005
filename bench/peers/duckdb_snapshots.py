"""A history of whole snapshots in DuckDB: `duckdb_snapshots.py DATABASE CSV...`, every row with its release."""

import sys
from pathlib import Path

import duckdb

OPTIONS = "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N'"
db = duckdb.connect(sys.argv[1])
for number, path in enumerate(map(Path, sys.argv[2:])):
    source = f"SELECT '{path.stem}' AS release, * FROM read_csv('{path}', {OPTIONS})"  # noqa: S608 - our own files
    db.execute(f"INSERT INTO snapshots {source}" if number else f"CREATE TABLE snapshots AS {source}")
print(*db.execute("SELECT count(*), count(DISTINCT release) FROM snapshots").fetchone())
