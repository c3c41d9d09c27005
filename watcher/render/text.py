"""A comparison as people read it on a terminal, in a mail, in a log; and tables for everything else."""

from __future__ import annotations

import difflib
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from watcher.core.model import Change, ChangeSet, Comparison, FieldChange, Kind, Section, Severity, counts
from watcher.render.safe_text import visible

_COLOURS = {Severity.WARNING: "\x1b[33m", Severity.NOTICE: "\x1b[36m", Severity.INFO: "\x1b[2m"}
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"
_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.MODIFIED: "~", Kind.DEPRECATED: "!"}
_LONG = 60
_NARROWEST = 24


def comparison(found: Comparison, *, all: bool = False, width: int | None = None, colour: bool = False) -> str:  # noqa: A002 - as the option is called
    """Return a comparison in plain words; `all` adds every change with its fields.

    Lines are wrapped to `width` where it is given, never cut.
    """
    counted = {name: number for name, number in counts(found.changes).items() if number}
    said = ", ".join(f"{number} {name}" for name, number in counted.items()) or _nothing(found)
    title = f"{found.source}  {visible(found.old.when)} → {visible(found.new.when)}"
    parts = [(_BOLD + title + _OFF if colour else title) + f"    {said}"]
    parts += [f"  {marked(found)}"] if found.marks else []
    if found.events:
        parts += ["", *_events(found, width, colour)]
    if not all and counted.get("quiet"):
        parts += ["", f"  {_rows(counted['quiet'])} of unassigned and reserved space were redrawn (--all shows them)"]
    if all and found.changes.changes:
        parts += ["", *(line for change in found.changes.changes for line in _change(change, width))]
    return "\n".join(parts)


def marked(found: Comparison) -> str:
    """Return what is out of the ordinary in a comparison, in a line; "" where nothing is."""
    return "; ".join(f"{visible(mark.replace('_', ' '))}: {visible(said)}" for mark, said in found.marks.items())


def _nothing(found: Comparison) -> str:
    if not found.changes.changes:
        return "nothing changed"
    return "only the registry's own header changed" if found.events else "nothing changed but the date"


def _rows(number: int) -> str:
    return f"{number} row" if number == 1 else f"{number} rows"


def _events(found: Comparison, width: int | None, colour: bool) -> Iterator[str]:
    severities = max(len(event.severity) for event in found.events)
    ids = max(len(event.id) for event in found.events)
    for event in found.events:
        head = f"  {event.severity:<{severities}}  {event.id:<{ids}}  "
        lines = _wrapped(visible(event.summary), len(head), width)
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
    if change.fields:
        for each in change.fields:
            for number, line in enumerate(_wrapped(_difference(each), 8, width)):
                yield ("      " if number == 0 else "        ") + line
    else:
        for name, value in change.item.fields.items():
            if value and name not in change.item.key.labels:
                for number, line in enumerate(_wrapped(f"{visible(name)}: {visible(value)}", 8, width)):
                    yield ("      " if number == 0 else "        ") + line


def _name(change: Change) -> str:
    key = change.item.key
    if change.section is not Section.ENTRY:
        return f"{change.section} {visible(' '.join(key.values))}"
    name = " ".join(value for value in key.values if value) or "(no name)"
    again = f" ({key.ordinal})" if key.ordinal > 1 else ""
    return visible(name + again)


def _difference(field: FieldChange) -> str:
    if len(field.before) > _LONG and len(field.after) > _LONG:
        return f"{visible(field.name)}: {_words(field.before, field.after)}"
    return f"{visible(field.name)}: {visible(field.before) or '(none)'} → {visible(field.after) or '(none)'}"


def _words(before: str, after: str) -> str:
    """A difference of two long texts by words: [-gone-] {+new+}, with a little of what stays."""
    old, new = visible(before).split(), visible(after).split()
    shown: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            shown += old[a:b] if b - a <= 8 else [*old[a : a + 4], "…", *old[b - 4 : b]]
            continue
        if b > a:
            shown.append("[-" + " ".join(old[a:b]) + "-]")
        if d > c:
            shown.append("{+" + " ".join(new[c:d]) + "+}")
    return " ".join(shown)


def table(rows: Sequence[Sequence[str]], headers: Sequence[str], *, width: int | None = None) -> str:
    """Return rows in aligned columns; the last column is wrapped to `width` where that is given."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(_columns, column)) for column in zip(headers, *cells, strict=True)]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    lines = [_line(headers, widths)]
    for row in cells:
        last = _wrapped(row[-1], indent, width)
        lines.append(_line([*row[:-1], last[0]], widths))
        lines += [" " * indent + line for line in last[1:]]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (wide - _columns(cell)) for cell, wide in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def summary(changes: ChangeSet) -> str:
    """Return the counts in a few words: "1 modified, 2 contacts, 6 quiet"."""
    return ", ".join(f"{number} {name}" for name, number in counts(changes).items() if number) or "no change"
