"""A history in thirty lines: `chunk_sketch.py DATABASE [--prove] RELEASE...` stores the changed records.

A release is split into its records. New records are parsed and become versions with their first release; the versions
of removed records are ended. There is no archive, no contacts, no events, no order, no durability: it is the least
that a history costs. A truncated file would end half of the registry, so `--prove` first checks that a release is
well-formed.
"""

import sqlite3
import sys
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

TABLE = """CREATE TABLE versions
(id INTEGER PRIMARY KEY, name TEXT, port TEXT, protocol TEXT, fields TEXT, first TEXT, until TEXT)"""
KEY = ("name", "number", "protocol")

db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.executescript(f"PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; {TABLE};")
versions: dict[bytes, int] = {}  # the chunks of the newest release, and their rows
prove = sys.argv[2] == "--prove"
for path in map(Path, sys.argv[2 + prove :]):
    data = path.read_bytes()
    if prove:
        expat.ParserCreate().Parse(data, True)
    chunks = [start[start.rfind(b"<record") :] for start in data.split(b"</record>")[:-1]]
    now = set(chunks)
    db.execute("BEGIN")
    removed = versions.keys() - now
    db.executemany(
        "UPDATE versions SET until = ? WHERE id = ?", [(path.stem, versions.pop(chunk)) for chunk in removed]
    )
    for chunk in now - versions.keys():
        record = ET.fromstring(chunk + b"</record>")  # noqa: S314 - our own files
        fields = {child.tag: ET.tostring(child, "unicode", "text") or child.get("data", "") for child in record}
        row = (*map(fields.get, KEY), str(fields | record.attrib), path.stem)
        versions[chunk] = db.execute(
            "INSERT INTO versions (name, port, protocol, fields, first) VALUES (?, ?, ?, ?, ?)", row
        ).lastrowid
    db.execute("COMMIT")
print(*db.execute("SELECT count(*), count(until) FROM versions").fetchone())
