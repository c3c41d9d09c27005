"""A comparison as CSV: one row per changed field."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from watcher.core.model import Change, Comparison
from watcher.render.safe_text import visible

HEADER = ("kind", "section", "quiet", "key", "ordinal", "field", "before", "after")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - a spreadsheet takes the wide ones too


def render_comparison(comparison: Comparison, *, raw: bool = False) -> str:
    """Return every change with its fields; an added or removed item has a row for each of its fields.

    Unless `raw`, hidden characters are written as `<U+202E>`, and a cell that a spreadsheet would run as a formula
    starts with a quote (OWASP, CSV injection).
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    for change in comparison.changes.changes:
        for row in _rows(change):
            writer.writerow(row if raw else [escape_cell(cell) for cell in row])
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


def escape_cell(cell: str) -> str:
    """Return a cell that a spreadsheet shows whole and does not run as a formula."""
    cell = visible(cell, lines=True)
    return "'" + cell if cell.lstrip().startswith(_FORMULA) else cell
