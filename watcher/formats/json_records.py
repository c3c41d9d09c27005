"""JSON and JSON Lines: a list of objects as rows, nested values under dotted names. Knows no registry.

Every value is kept as the text that was written (`1.10` stays `1.10`, `true` is "true"); `null` is an absent field. An
array of plain values is one text, joined with ", "; other arrays count from 0: `servers.0.host`. So the text does not
tell 1 from "1". Line breaks inside a text are kept, other runs of white space are one space.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.text import MAX_FIELD, MAX_FIELDS, bounded, decode, fold, unfinished

_MAX_DEPTH = 32


def read(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read one JSON document. Its rows are the list at `columns.layout.path`; without a path, the only list there is.

    The plain values beside that list are the registry's header. Raises ParseError: `empty`, `not_expected_format` (a
    page; no list of objects where it should be), `not_well_formed` (duplicate keys and NaN too), `too_large`.
    """
    text = decode(data, "the JSON document")
    # Before parsing: a bracket costs a byte in the document and a hundred in memory.
    bounded(text.count("{") + text.count("["), None)
    bounded(1, None, width=text.count(","))
    document = _parsed(text, 1)
    found, header = _list(document, columns.layout.path)
    rows = []
    for number, each in enumerate(found):
        if not isinstance(each, dict):
            raise ParseError("not_expected_format", f"item {number} of the list is not an object")
        rows.append(_row(each, columns, None))
    return _reading(rows, header, ())


def read_lines(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:  # noqa: ARG001
    """Read JSON Lines: one object a line, empty lines between them allowed. Raises as `read`."""
    text = decode(data, "JSON lines")
    bounded(text.count("\n"), None)
    rows = []
    for line, each in enumerate(text.split("\n"), 1):
        if each.strip():
            value = _parsed(each, line)
            if not isinstance(value, dict):
                raise ParseError("not_expected_format", "this line is not an object", line=line)
            rows.append(_row(value, columns, line))
    return _reading(rows, {}, unfinished(data))


def _reading(rows: Sequence[Row], header: Mapping[str, str], problems: tuple[Problem, ...]) -> Document:
    said = dict.fromkeys(each for row in rows for each in row.problems)
    return Document(
        id=None,
        published=None,
        headers={"": {"id": "", **header}},
        rows=tuple(rows),
        contacts=(),
        problems=(*(Problem(code="unknown_column", message=each) for each in said), *problems),
    )


def _parsed(text: str, line: int) -> Any:
    try:
        # Numbers stay as written: no float loses a digit, no integer is too long.
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=str, parse_int=str, strict=True
        )
    except json.JSONDecodeError as error:
        where = line + error.lineno - 1
        raise ParseError("not_well_formed", f"not JSON: {error.msg}", line=where, column=error.colno) from None
    except RecursionError:
        raise ParseError("too_large", "nested too deep", line=line) from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("not_well_formed", "an object has one key twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ParseError("not_well_formed", f"{name} is no JSON")


def _list(document: Any, path: str) -> tuple[Sequence[Any], dict[str, str]]:
    """The list of rows, and the plain values that stand beside it."""
    at, around = document, document
    for step in filter(None, path.split(".")):
        if not isinstance(at, dict) or step not in at:
            raise ParseError("not_expected_format", f"the document has nothing at {path!r}")
        around, at = at, at[step]
    if isinstance(at, dict):
        lists = [value for value in at.values() if isinstance(value, list)]
        if len(lists) != 1:
            raise ParseError("not_expected_format", f"{len(lists)} lists in the document: a path has to name one")
        around, at = at, lists[0]
    if not isinstance(at, list):
        raise ParseError("not_expected_format", "the document is not a list of objects")
    beside = around if isinstance(around, dict) else {}
    return at, dict(_flat({key: value for key, value in beside.items() if isinstance(value, str | bool)}, "", 0))


def _row(value: Mapping[str, Any], columns: FieldMap, line: int | None) -> Row:
    fields = dict.fromkeys(columns.always, "")
    problems = []
    given: set[str] = set()
    for path, text in _flat(value, "", 0):
        name = columns.titles.get(path, path)
        if name in given:
            raise ParseError("not_well_formed", f"two values would be the field {name!r}", line=line)
        given.add(name)
        if len(given) > MAX_FIELDS or len(text) > MAX_FIELD:
            raise ParseError("too_large", f"a row of more than {MAX_FIELDS} fields, or a field too long", line=line)
        if columns.closed and path not in columns.titles:
            problems.append(f"unknown key {path!r}")
        if text:
            fields[name] = text
    return Row(registry="", fields=fields, problems=tuple(problems))


def _flat(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """A value as dotted names and texts."""
    if depth > _MAX_DEPTH:
        raise ParseError("too_large", "nested too deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            step = _text(key) or "(no name)"
            yield from _flat(inner, f"{name}.{step}" if depth else step, depth + 1)
    elif isinstance(value, list):
        if any(isinstance(each, dict | list) for each in value):
            for number, inner in enumerate(value):
                yield from _flat(inner, f"{name}.{number}", depth + 1)
        else:
            yield name, ", ".join(_text(each) for each in value)
    else:
        yield name, _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ParseError("not_well_formed", "a text holds NUL or half a character")
    return "\n".join(map(fold, text.split("\n"))).strip("\n")
