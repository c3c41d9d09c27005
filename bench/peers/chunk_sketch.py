"""A history in thirty lines: `chunk_sketch.py DATABASE [--prove] RELEASE...` keeps what differs to the release before.

A release is cut into its records; those that the release before did not have are parsed and become versions with the
release they stood in first, those that it no longer has are ended. No archive, no contacts, no events, no order, no
durability: it is what a history costs at least. A file that was cut off would end half of the registry: with `--prove`
each release is proven to be well-formed first.
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
stands: dict[bytes, int] = {}  # the chunks of the newest release, and their rows
prove = sys.argv[2] == "--prove"
for path in map(Path, sys.argv[2 + prove :]):
    data = path.read_bytes()
    if prove:
        expat.ParserCreate().Parse(data, True)
    chunks = [start[start.rfind(b"<record") :] for start in data.split(b"</record>")[:-1]]
    now = set(chunks)
    db.execute("BEGIN")
    gone = stands.keys() - now
    db.executemany("UPDATE versions SET until = ? WHERE id = ?", [(path.stem, stands.pop(each)) for each in gone])
    for chunk in now - stands.keys():
        record = ET.fromstring(chunk + b"</record>")  # noqa: S314 - our own files
        fields = {child.tag: ET.tostring(child, "unicode", "text") or child.get("data", "") for child in record}
        row = (*map(fields.get, KEY), str(fields | record.attrib), path.stem)
        stands[chunk] = db.execute(
            "INSERT INTO versions (name, port, protocol, fields, first) VALUES (?, ?, ?, ?, ?)", row
        ).lastrowid
    db.execute("COMMIT")
print(*db.execute("SELECT count(*), count(until) FROM versions").fetchone())
