"""The titles of a printed table's columns as field names. Knows IANA's usual titles, and no registry."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.errors import ParseError
from watcher.formats.base import FieldMap
from watcher.formats.text import fold

_REFERENCES = frozenset({"reference", "references", "reference(s)"})
# The attributes of an XML record that IANA prints under these titles.
_DATES = {
    "registration date": "date",
    "modification date": "updated",
    "last modified": "updated",
    "last updated": "updated",
}


def field_names(titles: Sequence[str], field_map: FieldMap, line: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the name of each column, and problems. Raises ParseError `wrong_registry` (no known title)."""
    names: list[str] = []
    problems: list[str] = []
    mapped = [_mapped_name(fold(title), field_map) for title in titles]
    if field_map.closed and field_map.titles and not any(mapped):
        raise ParseError("wrong_registry", "no title of this table is a column of the registry", line=line)
    for number, (title, mapped_name) in enumerate(zip(titles, mapped, strict=True), 1):
        printed = fold(title)
        if mapped_name is None and field_map.closed:
            problems.append(f"unknown column {printed!r}")
        name = mapped_name or printed or f"column {number}"
        if name in names:
            problems.append(f"column {number} is called {printed!r} too")
            name = f"{printed} (column {number})"
        names.append(name)
    return tuple(names), tuple(problems)


def _mapped_name(title: str, field_map: FieldMap) -> str | None:
    if title in field_map.titles:
        return field_map.titles[title]
    if field_map.closed:
        return None
    lower = title.lower()
    if lower in _REFERENCES:
        return field_map.references
    return field_map.attributes.get(_DATES.get(lower, ""))
