"""CSV (RFC 4180): one row for each entry, one column for each field that an entry has."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from watcher.core.errors import UsageError
from watcher.core.model import MARKUP
from watcher.render.csv import escape_cell
from watcher.render.exports.base import ExportedRelease, ExportEntry, ExportOptions, RenderedExport

_MOST_CELLS = 5_000_000  # the port registry has 280,000; rows that have a column each make a square of empty cells


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    out = io.StringIO()
    rows = make_table(state, raw=options.raw)
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return RenderedExport(files={"": out.getvalue()}, written=len(state.entries))


def make_table(state: ExportedRelease, *, raw: bool) -> list[list[str]]:
    """Return the rows, the first with the columns. Unless `raw`, no cell is a formula and none has hidden text."""
    columns = find_columns(state.entries)
    table = [["key", "registry", "status", *columns]]
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
    """Return the fields that entries have, those of the first entries first; the key is among them.

    Raises UsageError for entries of which a table would be nearly empty and too large.
    """
    columns: dict[str, None] = {}
    for entry in entries:
        columns.update(dict.fromkeys(name for name in entry.fields if not name.startswith(MARKUP)))
    markup = {name: None for entry in entries for name in entry.fields if name.startswith(MARKUP)}
    if (len(columns) + len(markup)) * len(entries) > _MOST_CELLS:
        raise UsageError(
            f"a table of {len(entries):,} entries with {len(columns) + len(markup):,} columns is too large; "
            "export json, or limit it with --registry"
        )
    return [*columns, *sorted(markup)]
