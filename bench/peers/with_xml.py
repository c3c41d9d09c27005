"""Compare two XML releases by key, the simple way: `with_xml.py OLD NEW`. With more releases, count the changes of the
whole series and store nothing.
"""

import sys
from xml.etree import ElementTree as ET

NS = "{http://www.iana.org/assignments}"


def rows(path: str) -> dict[tuple[str | None, ...], dict[str, str]]:
    found = {}
    for record in ET.parse(path).getroot().iter(f"{NS}record"):  # noqa: S314 - our own files
        fields = {child.tag: "".join(child.itertext()).strip() for child in record}
        found[fields.get(f"{NS}name"), fields.get(f"{NS}number"), fields.get(f"{NS}protocol")] = fields
    return found


added = removed = changed = 0
old = rows(sys.argv[1])
for path in sys.argv[2:]:
    new = rows(path)
    added += len(new.keys() - old.keys())
    removed += len(old.keys() - new.keys())
    changed += sum(old[key] != new[key] for key in old.keys() & new.keys())
    old = new
print(added, removed, changed)
