"""A comparison as plain text for terminals, mails and logs; and tables for everything else."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from watcher.core.event_words import say_event
from watcher.core.model import (
    FREE,
    Change,
    ChangeSet,
    Comparison,
    Event,
    FieldChange,
    Kind,
    Section,
    Severity,
    count_changes,
)
from watcher.core.sequences import compare_sequences
from watcher.render.details_text import render_event
from watcher.render.safe_text import visible

if TYPE_CHECKING:
    from watcher.core.event_details import EventDetails

_COLOURS = {Severity.WARNING: "\x1b[33m", Severity.NOTICE: "\x1b[36m", Severity.INFO: "\x1b[2m"}
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"
_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.MODIFIED: "~", Kind.DEPRECATED: "!"}
TIMED = "no new release: the calendar made these events"
_LONG = 60  # characters from which the difference of two values is shown by words
_NARROWEST = 24  # columns to wrap to, on any terminal


def render_comparison(
    comparison: Comparison,
    *,
    all: bool = False,  # noqa: A002 - the option's name
    width: int | None = None,
    colour: bool = False,
    details: Sequence[EventDetails] = (),
) -> str:
    """Return the counts and events of a comparison; `all` adds every change with its fields.

    Lines are wrapped to `width` columns if it is given, and never cut. The first events have the `details` that are
    given, in their order; an event without is one line.
    """
    counted = {name: number for name, number in count_changes(comparison.changes).items() if number}
    summary = ", ".join(f"{number} {name}" for name, number in counted.items()) or _no_entry_changed(comparison)
    if comparison.timed:
        summary = TIMED
    title = f"{comparison.source}  {describe_releases(comparison)}"
    parts = [(_BOLD + title + _OFF if colour else title) + f"    {summary}"]
    parts += [f"  {render_marks(comparison)}"] if comparison.marks else []
    for event, detail in zip(comparison.events, details, strict=False):
        parts += ["", *render_event(event, detail, width=width)]
    if len(comparison.events) > len(details):
        parts += ["", *_events(comparison.events[len(details) :], width, colour)]
    if not all and counted.get("quiet"):
        parts += ["", f"  {_describe_quiet(comparison, counted['quiet'])} (--all shows them)"]
    if all and comparison.changes.changes:
        parts += ["", *(line for change in comparison.changes.changes for line in _change(change, width))]
    return "\n".join(parts)


def describe_releases(comparison: Comparison) -> str:
    """Return "2020-06-25 → 2020-07-07", or the newest release alone where the calendar made the events."""
    if comparison.timed:
        return f"release of {visible(comparison.new.when)}, on {comparison.timed[:10]}"
    return f"{visible(comparison.old.when)} → {visible(comparison.new.when)}"


def _describe_quiet(comparison: Comparison, number: int) -> str:
    quiet = [change for change in comparison.changes.changes if change.quiet and change.section is Section.ENTRY]
    if all(side is None or side.status in FREE for change in quiet for side in (change.before, change.after)):
        return f"{_rows(number)} of unassigned or reserved ranges were adjusted"
    return f"{_rows(number)} changed only in key, notation, row numbers or unassigned ranges"


def render_marks(comparison: Comparison) -> str:
    """Return the marks of a comparison (`large_change`) with their sentences in one line; "" without marks."""
    return "; ".join(f"{visible(mark.replace('_', ' '))}: {visible(text)}" for mark, text in comparison.marks.items())


def _no_entry_changed(comparison: Comparison) -> str:
    if not comparison.changes.changes:
        return "nothing changed"
    return "only the registry's own header changed" if comparison.events else "nothing changed but the date"


def _rows(number: int) -> str:
    return f"{number} row" if number == 1 else f"{number} rows"


def _events(events: Sequence[Event], width: int | None, colour: bool) -> Iterator[str]:
    severities = max(len(event.severity) for event in events)
    ids = max(len(event.id) for event in events)
    for event in events:
        head = f"  {event.severity:<{severities}}  {event.id:<{ids}}  "
        lines = _wrapped(visible(say_event(event)), len(head), width)
        shown = _COLOURS[event.severity] + head.rstrip() + _OFF + "  " if colour else head
        if colour:
            shown += " " * (len(head) - len(head.rstrip()) - 2)
        yield shown + lines[0]
        yield from (" " * len(head) + line for line in lines[1:])


def _wrapped(text: str, indent: int, width: int | None) -> list[str]:
    if width is None or not text:
        return [text]
    return textwrap.wrap(text, max(width - indent, _NARROWEST), break_on_hyphens=False, break_long_words=False) or [""]


def _change(change: Change, width: int | None) -> Iterator[str]:
    quiet = "  (quiet)" if change.quiet else ""
    yield f"  {_SIGNS[change.kind]} {_name(change)}{quiet}"
    item = change.item
    texts = [_difference(field) for field in change.fields] or [
        f"{visible(name)}: {visible(value)}"
        for name, value in item.fields.items()
        if value and name not in item.key.labels
    ]
    for text in texts:
        first, *rest = _wrapped(text, 8, width)
        yield "      " + first
        yield from ("        " + line for line in rest)


def _name(change: Change) -> str:
    key = change.item.key
    if change.section is not Section.ENTRY:
        return f"{change.section} {visible(' '.join(key.values))}"
    name = " ".join(value for value in key.values if value) or "(no name)"
    ordinal = f" ({key.ordinal})" if key.ordinal > 1 else ""
    return visible(name + ordinal)


def _difference(field: FieldChange) -> str:
    if len(field.before) > _LONG and len(field.after) > _LONG:
        return f"{visible(field.name)}: {_words(field.before, field.after)}"
    return f"{visible(field.name)}: {visible(field.before) or '(none)'} → {visible(field.after) or '(none)'}"


def _words(before: str, after: str) -> str:
    """Return the difference of two long texts by words, `[-removed-] {+added+}`, between some unchanged words."""
    old, new = visible(before).split(), visible(after).split()
    shown: list[str] = []
    for tag, a, b, c, d in compare_sequences(old, new):
        if tag == "equal":
            shown += old[a:b] if b - a <= 8 else [*old[a : a + 4], "…", *old[b - 4 : b]]
            continue
        if b > a:
            shown.append("[-" + " ".join(old[a:b]) + "-]")
        if d > c:
            shown.append("{+" + " ".join(new[c:d]) + "+}")
    return " ".join(shown)


def render_table(rows: Sequence[Sequence[str]], headers: Sequence[str], *, width: int | None = None) -> str:
    """Return rows in aligned columns; the last column is wrapped to `width` if that is given."""
    cells = [[visible(cell) for cell in row] for row in rows]
    return "\n".join(table_lines(rows, headers, cells, width=width))


def table_lines(
    rows: Iterable[Sequence[str]],
    headers: Sequence[str],
    widest: Iterable[Sequence[str]],
    *,
    width: int | None = None,
) -> Iterator[str]:
    """Yield the lines of a table whose rows come one by one.

    `widest` are rows with every text of all columns but the last, as it is shown: they decide how wide these are.
    """
    widths = [max(map(_width, column)) for column in zip(headers[:-1], *(row[:-1] for row in widest), strict=True)]
    indent = sum(widths) + 2 * len(widths)
    yield _line(headers, widths)
    for row in rows:
        *first, text = map(visible, row)
        last = _wrapped(text, indent, width)
        yield _line([*first, last[0]], widths)
        yield from (" " * indent + line for line in last[1:])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (wide - _width(cell)) for cell, wide in zip(cells[:-1], widths, strict=True)]
    return "  ".join([*padded, cells[-1]]).rstrip()


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def render_counts(changes: ChangeSet) -> str:
    """Return the counts in words: "1 modified, 2 contacts, 6 quiet"."""
    return ", ".join(f"{number} {name}" for name, number in count_changes(changes).items() if number) or "no change"
