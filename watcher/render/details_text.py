"""An event with its details as plain text: a line that says what happened, then one line for each thing to know."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from watcher.core.event_words import say_event
from watcher.core.model import Event, Kind
from watcher.render.safe_text import visible

if TYPE_CHECKING:
    from watcher.core.event_details import EntryDetails, EventDetails, FieldDifference, Link, Person

_NARROWEST = 24
_WIDEST_LABEL = 24
_INDENT = "    "


def render_event(event: Event, details: EventDetails, *, width: int | None = None) -> Iterator[str]:
    """Yield the lines of one event. URLs and the command are never wrapped, so that they can be copied."""
    yield f"{event.severity}  {event.id}"
    yield from _wrap(say_event(event), "", width)
    for entry in details.entries:
        yield ""
        yield from _wrap(name_entries(entry), "  ", width)
        yield from _render_entry(entry, width)
    if details.more_entries:
        yield ""
        yield f"  and {details.more_entries:,} more"
    pointers = list(_list_pointers(details))
    if pointers:
        yield ""
        for label, text in pointers:
            yield f"  {label:<8}  {visible(text)}"


def name_entries(entry: EntryDetails) -> str:
    """Return the names of entries that say the same, and whether they were removed."""
    return "; ".join(map(visible, entry.names)) + (" (removed)" if entry.kind is Kind.REMOVED else "")


def _list_pointers(details: EventDetails) -> Iterator[tuple[str, str]]:
    if details.registry:
        yield "registry", details.registry.url
    if details.link:
        yield "page", details.link
    if details.command:
        yield "command", details.command


def _render_entry(entry: EntryDetails, width: int | None) -> Iterator[str]:
    rows = [(difference.word, say_difference(difference)) for difference in entry.differences]
    rows += ((text.word, text.text) for text in entry.texts)
    rows += ((label_person(person), person.line) for person in entry.people)
    column = min(max((len(visible(label)) for label, _ in rows), default=0), _WIDEST_LABEL)
    column = max(column, len("reference") if entry.references else 0)
    for label, text in rows:
        first, *rest = _wrap(text, "", width and width - len(_INDENT) - column - 2)
        yield f"{_INDENT}{visible(label):<{column}}  {first}"
        yield from (f"{_INDENT}{'':<{column}}  {line}" for line in rest)
    for link in entry.references:
        yield f"{_INDENT}{'reference':<{column}}  {_say_link(link)}"


def _say_link(link: Link) -> str:
    text = visible(link.text)
    return text if not link.url or link.url in text else f"{text} {visible(link.url)}"


def label_person(person: Person) -> str:
    """Return how an entry names a person: by the field, where that says more than that it is a reference."""
    return "person" if person.field == "references" else person.field


def say_difference(difference: FieldDifference) -> str:
    """Return "OLD → NEW"; of a long text, the words that were removed and added, `[-removed-] {+added+}`."""
    if not difference.hunks:
        return f"{difference.before or '(none)'} → {difference.after or '(none)'}"
    parts = []
    for hunk in difference.hunks:
        removed = f"[-{hunk.removed}-]" if hunk.removed else ""
        added = f"{{+{hunk.added}+}}" if hunk.added else ""
        parts.append(" ".join(filter(None, (hunk.left, removed, added, hunk.right))))
    more = f" … and {difference.more_hunks} more places" if difference.more_hunks else ""
    return " … ".join(parts) + more


def _wrap(text: str, indent: str, width: int | None) -> list[str]:
    text = visible(text)
    if width is None or not text:
        return [indent + text]
    room = max(width - len(indent), _NARROWEST)
    lines = textwrap.wrap(text, room, break_on_hyphens=False, break_long_words=False) or [""]
    return [indent + line for line in lines]
