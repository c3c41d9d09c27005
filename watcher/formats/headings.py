"""The titles that a table's columns have in print, to fields. Knows IANA's usual titles, and no registry."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.errors import ParseError
from watcher.formats.column_map import FieldMap
from watcher.formats.text import fold

_REFERENCES = frozenset({"reference", "references", "reference(s)"})
# The attributes of a record, as the vocabulary names them, that IANA prints under these titles.
_DATES = {
    "registration date": "date",
    "modification date": "updated",
    "last modified": "updated",
    "last updated": "updated",
}


def field_names(titles: Sequence[str], columns: FieldMap, line: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the field of each column, every name once, and what is not as expected.

    Raises ParseError `wrong_registry` where a closed registry has not one of these titles.
    """
    names: list[str] = []
    problems: list[str] = []
    known = [_known(fold(title), columns) for title in titles]
    if columns.closed and columns.titles and not any(known):
        raise ParseError("wrong_registry", "not one title of this table is a column of the registry", line=line)
    for number, (title, name) in enumerate(zip(titles, known, strict=True), 1):
        printed = fold(title)
        if name is None and columns.closed:
            problems.append(f"unknown column {printed!r}")
        wanted = name or printed or f"column {number}"
        if wanted in names:
            problems.append(f"column {number} is called {printed!r} too")
            wanted = f"{printed} (column {number})"
        names.append(wanted)
    return tuple(names), tuple(problems)


def _known(title: str, columns: FieldMap) -> str | None:
    if title in columns.titles:
        return columns.titles[title]
    if columns.closed:
        return None
    plain = title.lower()
    if plain in _REFERENCES:
        return columns.references
    return columns.attributes.get(_DATES.get(plain, ""))
