"""What a user would run in our place: short programs, each a process of its own. `peers.py NAME OLD NEW`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

from deepdiff import DeepDiff

NS = "{http://www.iana.org/assignments}"


def _rows(path: str) -> dict[tuple[str | None, ...], dict[str, str]]:
    """The keyed rows of a release, as a short script reads them: no contacts, no duplicates, no meaning."""
    found = {}
    for record in ET.parse(path).getroot().iter(f"{NS}record"):  # noqa: S314 - our own files
        fields = {child.tag: "".join(child.itertext()).strip() for child in record}
        found[fields.get(f"{NS}name"), fields.get(f"{NS}number"), fields.get(f"{NS}protocol")] = fields
    return found


def script(old: str, new: str) -> None:
    """The thirty lines everybody writes: parse both, compare by key."""
    before, after = _rows(old), _rows(new)
    changed = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    print(len(after.keys() - before.keys()), len(before.keys() - after.keys()), len(changed))


def deepdiff(old: str, new: str) -> None:
    """The same with DeepDiff over the whole registries."""
    print(len(DeepDiff(_rows(old), _rows(new))))


def floor(old: str, new: str) -> None:
    """What no program can do without: hash, prove well-formed, split and subtract."""
    before, after = Path(old).read_bytes(), Path(new).read_bytes()
    print(hashlib.sha256(after).hexdigest()[:8])
    expat.ParserCreate().Parse(after, True)
    print(len({*after.split(b"</record>")} - {*before.split(b"</record>")}))


def naive_history(*paths: str) -> None:
    """Parse and compare a whole series, keeping nothing."""
    before = _rows(paths[0])
    changes = 0
    for path in paths[1:]:
        after = _rows(path)
        changes += sum(1 for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        before = after
    print(changes)


if __name__ == "__main__":
    {"script": script, "deepdiff": deepdiff, "floor": floor, "naive_history": naive_history}[sys.argv[1]](*sys.argv[2:])
