"""The highlighter format of daff: what changed between the CSV exports of two releases, as a table.

The first column has the action of a row: `+++` added, `---` removed, `->` changed cells,
`+` cells of a new column alone, `...` rows that are left out.
Applied to the older CSV it gives the newer one. https://paulfitz.github.io/daff-doc/spec.html is the specification.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from watcher.core.errors import UsageError
from watcher.core.patterns import regex
from watcher.render.exports.alignment import RowStep, align_rows
from watcher.render.exports.base import ExportedRelease, ExportEntry, ExportOptions, RenderedExport
from watcher.render.exports.csv import make_table

Row = list[str]
_LEFT_OUT = "..."
_ARROW = regex(r"(?<!-)-+>")
_NULL = regex(r"_*NULL")  # a cell without a value; one more underscore makes it the text
_CONTEXT = 1  # unchanged rows around a change: a reader needs the one before an added row


def render_difference(old: ExportedRelease, new: ExportedRelease, options: ExportOptions) -> RenderedExport:
    before, after = make_table(old, raw=options.raw), make_table(new, raw=options.raw)
    columns = _join_columns(before[0], after[0])
    if _LEFT_OUT in columns:
        raise UsageError(
            f"daff: a column is called {_LEFT_OUT!r}, which means columns that are left out; export rfc6902"
        )
    old_rows, new_rows = _fill_rows(before, columns)[1:], _fill_rows(after, columns)[1:]
    steps = align_rows([_identify(entry) for entry in old.entries], [_identify(entry) for entry in new.entries])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    actions = _describe_columns(columns, before[0], after[0])
    changed = [_render_step(step, old_rows, new_rows, actions) for step in steps]
    if any(actions):
        writer.writerow(["!", *actions])
    writer.writerow(["@@", *columns])
    writer.writerows(_leave_out_unchanged(changed))
    return RenderedExport(files={"": out.getvalue()}, written=sum(bool(row[0]) for row in changed))


def _identify(entry: ExportEntry) -> tuple[object, ...]:
    key = entry.item.key
    return (entry.registry, key.labels, key.values, key.ordinal)


def _join_columns(before: Sequence[str], after: Sequence[str]) -> Row:
    """Return the columns of both tables: those of the newer one, with each removed one behind its neighbour."""
    kept, removed, neighbour = {*after}, dict[str, Row](), before[0]
    for name in before:
        if name in kept:
            neighbour = name
        else:
            removed.setdefault(neighbour, []).append(name)
    return [column for name in after for column in (name, *removed.get(name, ()))]


def _describe_columns(columns: Sequence[str], before: Iterable[str], after: Iterable[str]) -> Row:
    """Return the action of each column: `+++` new, `---` removed, or nothing."""
    old, new = {*before}, {*after}
    return ["+++" if name not in old else "---" if name not in new else "" for name in columns]


def _fill_rows(table: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """Return the rows with a cell for each of the columns."""
    places = {name: place for place, name in enumerate(table[0])}
    return [[row[places[name]] if name in places else "" for name in columns] for row in table]


def _render_step(step: RowStep, old_rows: Sequence[Row], new_rows: Sequence[Row], actions: Sequence[str]) -> Row:
    """Return a row with its action; an unchanged one has none.

    A new column has the new cell, a removed one the old: only a cell of both tables can be said to change.
    """
    if step.old is None or step.new is None:
        added = step.old is None
        row = new_rows[step.new or 0] if added else old_rows[step.old or 0]
        return ["+++" if added else "---", *row]
    before, after = old_rows[step.old], new_rows[step.new]
    dashes = max((len(arrow) for cell in (*before, *after) for arrow in _ARROW.findall(cell)), default=1)
    arrow = "-" * dashes + ">"  # one that no cell has
    cells, is_changed, is_longer = [], False, False
    for old, new, action in zip(before, after, actions, strict=True):
        is_other = old != new and action not in ("+++", "---")
        is_changed |= is_other
        is_longer |= action == "+++" and new != ""
        cells.append(_quote_null(old) + arrow + _quote_null(new) if is_other else old or new)
    return [arrow if is_changed else "+" if is_longer else "", *cells]


def _quote_null(cell: str) -> str:
    """Return one side of a changed cell; daff reads cells of added rows as they are."""
    return "_" + cell if _NULL.fullmatch(cell) else cell


def _leave_out_unchanged(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the changed rows with the unchanged ones beside them, and `...` for what is left out."""
    near = {place + offset for place, row in enumerate(rows) if row[0] for offset in range(-_CONTEXT, _CONTEXT + 1)}
    left_out = False
    for place, row in enumerate(rows):
        if place in near:
            yield row
            left_out = False
        elif not left_out:
            yield [_LEFT_OUT] * len(row)
            left_out = True
