"""Write a release of the port registry for the other programs: IANA's CSV, the same with one key column, JSON.

Uses nothing of the watcher, because the watcher's answers are compared with these files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

NS = "{http://www.iana.org/assignments}"
KEY = ("Service Name", "Port Number", "Transport Protocol")
COLUMNS = (
    *KEY,
    "Description",
    "Assignee",
    "Contact",
    "Registration Date",
    "Modification Date",
    "Reference",
    "Service Code",
    "Unauthorized Use Reported",
    "Assignment Notes",
)
ONE_KEY = "key"


def rows(data: bytes) -> Iterator[list[str]]:
    """Yield the cells of every record, with IANA's columns and notation of references."""
    for record in ET.fromstring(data).iter(f"{NS}record"):  # noqa: S314 - our own files
        xrefs = record.findall(f"{NS}xref")
        people = _references(xref for xref in xrefs if xref.get("type") == "person")
        assignee = record.find(f"{NS}assignee")
        yield [
            *(_text(record, tag) for tag in ("name", "number", "protocol", "description")),
            _references(assignee.iter(f"{NS}xref")) if assignee is not None else people,
            people,
            record.get("date", ""),
            record.get("updated", ""),
            _references(xref for xref in xrefs if xref.get("type") != "person"),
            *(_text(record, tag) for tag in ("sc", "unauthorized", "note")),
        ]


def as_csv(data: bytes, *, one_key: bool = False) -> str:
    """Return the CSV of a release; with `one_key` a first column joins the three columns of the key."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow((ONE_KEY, *COLUMNS) if one_key else COLUMNS)
    for cells in rows(data):
        writer.writerow([" ".join(cells[: len(KEY)]), *cells] if one_key else cells)
    return out.getvalue()


def write_csv(files: Sequence[Path], folder: Path, *, one_key: bool = False) -> list[Path]:
    """Write the CSV of every release into a folder, under the release's name."""
    folder.mkdir(exist_ok=True)
    return [_written(folder / f"{path.stem}.csv", as_csv(path.read_bytes(), one_key=one_key)) for path in files]


def write_json(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write every release as a JSON list with one object per row."""
    folder.mkdir(exist_ok=True)
    return [
        _written(
            folder / f"{path.stem}.json",
            json.dumps([dict(zip(COLUMNS, cells, strict=True)) for cells in rows(path.read_bytes())]),
        )
        for path in files
    ]


def _text(record: ET.Element, tag: str) -> str:
    child = record.find(f"{NS}{tag}")
    return "" if child is None else _folded("".join(_inner(child)))


def _inner(element: ET.Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == f"{NS}br":
            yield "\n"
        elif child.tag == f"{NS}xref" and child.get("type") != "text":
            yield _reference(child)
        else:
            yield from _inner(child)
        yield child.tail or ""


def _references(xrefs: Iterator[ET.Element]) -> str:
    return "".join(map(_reference, xrefs))


def _reference(xref: ET.Element) -> str:
    data = xref.get("data", "")
    return f"[{_folded(''.join(xref.itertext())) or (data.upper() if xref.get('type') == 'rfc' else data)}]"


def _folded(text: str) -> str:
    return " ".join(text.split())


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path
