"""A comparison as CSV: one row a changed field."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from watcher.core.model import Change, Comparison

HEADER = ("kind", "section", "quiet", "key", "ordinal", "field", "before", "after")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def comparison(found: Comparison, *, raw: bool = False) -> str:
    """Return every change with its fields; an added or removed item has a row for each field it has.

    A cell that a spreadsheet would take for a formula gets a quote before it (OWASP, CSV injection) unless `raw`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    for change in found.changes.changes:
        for row in _rows(change):
            writer.writerow(row if raw else [safe(cell) for cell in row])
    return out.getvalue()


def _rows(change: Change) -> Iterator[tuple[str, ...]]:
    key = change.item.key
    head = (
        str(change.kind),
        str(change.section),
        "quiet" if change.quiet else "",
        " ".join(value for value in key.values if value),
        str(key.ordinal),
    )
    if change.fields:
        for field in change.fields:
            yield (*head, field.name, field.before, field.after)
        return
    for name, value in change.item.fields.items():
        if value:
            yield (*head, name, value if change.before else "", value if change.after else "")


def safe(cell: str) -> str:
    """Return a cell that a spreadsheet shows and does not compute."""
    cell = cell.replace("\0", "")
    return "'" + cell if cell.startswith(_FORMULA) else cell
