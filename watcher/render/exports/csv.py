"""CSV (RFC 4180): one row for each entry, one column for each field that an entry has."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from watcher.core.errors import UsageError
from watcher.core.model import MARKUP
from watcher.render.csv import escape_cell
from watcher.render.exports.base import ExportedRelease, ExportEntry, ExportOptions, RenderedExport

_HEAD = ("key", "registry", "status")
_FIRST = ("value", "name")
_MOST_CELLS = 5_000_000  # the port registry has 280,000; rows that have a column each make a square of empty cells


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    out = io.StringIO()
    rows = make_table(state, raw=options.raw)
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return RenderedExport(files={"": out.getvalue()}, written=len(state.entries))


def make_table(state: ExportedRelease, *, raw: bool) -> list[list[str]]:
    """Return the rows, the first with the columns. Unless `raw`, no cell is a formula and none has hidden text."""
    columns = find_columns(state.entries)
    table = [[*_HEAD, *(f"field:{name}" if name in _HEAD else name for name in columns)]]
    for entry in state.entries:
        head = [join_key(entry), entry.registry, str(entry.item.status)]
        table.append([*head, *(entry.fields.get(column, "") for column in columns)])
    return table if raw else [list(map(escape_cell, row)) for row in table]


def join_key(entry: ExportEntry) -> str:
    """Return the key of an entry as one text: `https|443|tcp`; a second entry under a key has `|2` behind it.

    No two entries have the same. Programs that match rows by a column need one that is unique.
    """
    parts = [*entry.item.key.values, *([str(entry.item.key.ordinal)] if entry.item.key.ordinal > 1 else ())]
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def find_columns(entries: Sequence[ExportEntry]) -> list[str]:
    """Return the fields that entries have, in an order of their names alone: no further entry moves a column.

    The fields of ports are in the order of their registry, which all of them have. Raises UsageError for entries of
    which a table would be nearly empty and too large.
    """
    names = dict.fromkeys(name for entry in entries for name in entry.fields)
    if len(names) * len(entries) > _MOST_CELLS:
        raise UsageError(
            f"a table of {len(entries):,} entries with {len(names):,} columns is too large; "
            "export json, or limit it with --registry"
        )
    if not any("port" in entry.item.key.labels for entry in entries):
        names = dict.fromkeys([*(name for name in _FIRST if name in names), *sorted(names)])
    return sorted(names, key=lambda name: name if name.startswith(MARKUP) else "")
