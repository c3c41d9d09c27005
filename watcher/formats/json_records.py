"""JSON and JSON Lines: a list of objects as rows, nested values under dotted names. Knows no registry.

Every value is kept as written (`1.10` stays `1.10`, `true` is "true"), so 1 and "1" are the same; `null` is an absent
field. An array of plain values becomes one text, joined with ", "; the items of other arrays count from 0:
`servers.0.host`. Line breaks inside a text are kept; any other run of white space becomes one space.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.formats.base import Document, FieldMap, Row, RowCache
from watcher.formats.text import MAX_FIELD, MAX_FIELDS, check_last_line, check_size, decode, fold

_MAX_DEPTH = 32


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read one JSON document: the list at `field_map.layout.path`, else its only list.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `too_large`.
    """
    text = decode(data, "the JSON document")
    # Checked before parsing: a bracket is one byte in the document and a hundred in memory.
    check_size(text.count("{") + text.count("["), None)
    check_size(1, None, width=text.count(","))
    items, header = _find_list(_parse(text, 1), field_map.layout.path)
    rows = []
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise ParseError("not_expected_format", f"item {number} of the list is not an object")
        rows.append(_read_row(item, field_map, None))
    return _make_document(rows, header, ())


def read_lines(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001
    """Read JSON Lines: one object on each line; empty lines are allowed. Raises as `read`."""
    text = decode(data, "JSON lines")
    check_size(text.count("\n"), None)
    rows = []
    for line, line_text in enumerate(text.split("\n"), 1):
        if line_text.strip():
            value = _parse(line_text, line)
            if not isinstance(value, dict):
                raise ParseError("not_expected_format", "this line is not an object", line=line)
            rows.append(_read_row(value, field_map, line))
    return _make_document(rows, {}, check_last_line(data))


def _make_document(rows: Sequence[Row], header: Mapping[str, str], problems: tuple[Problem, ...]) -> Document:
    row_problems = dict.fromkeys(problem for row in rows for problem in row.problems)
    return Document(
        headers={"": {"id": "", **header}},
        rows=tuple(rows),
        problems=(*(Problem(code="unknown_column", message=problem) for problem in row_problems), *problems),
    )


def _parse(text: str, line: int) -> Any:
    try:
        # Numbers stay as written: no float loses a digit, no integer is too long.
        return json.loads(
            text,
            object_pairs_hook=_make_object,
            parse_constant=_refuse_constant,
            parse_float=str,
            parse_int=str,
            strict=True,
        )
    except json.JSONDecodeError as error:
        error_line = line + error.lineno - 1
        raise ParseError("not_well_formed", f"not JSON: {error.msg}", line=error_line, column=error.colno) from None
    except RecursionError:
        raise ParseError("too_large", "nested too deep", line=line) from None


def _make_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ParseError("not_well_formed", "an object has one key twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError("not_well_formed", f"{name} is not JSON")


def _find_list(document: Any, path: str) -> tuple[Sequence[Any], dict[str, str]]:
    value, parent = document, document
    for step in filter(None, path.split(".")):
        if not isinstance(value, dict) or step not in value:
            raise ParseError("not_expected_format", f"the document has nothing at {path!r}")
        parent, value = value, value[step]
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        if len(lists) != 1:
            raise ParseError("not_expected_format", f"{len(lists)} lists in the document: a path has to name one")
        parent, value = value, lists[0]
    if not isinstance(value, list):
        raise ParseError("not_expected_format", "the document is not a list of objects")
    siblings = parent if isinstance(parent, dict) else {}
    plain = {key: sibling for key, sibling in siblings.items() if isinstance(sibling, str | bool)}
    return value, dict(_flatten(plain, "", 0))


def _read_row(value: Mapping[str, Any], field_map: FieldMap, line: int | None) -> Row:
    fields = dict.fromkeys(field_map.always, "")
    problems = []
    names: set[str] = set()
    for path, text in _flatten(value, "", 0):
        name = field_map.titles.get(path, path)
        if name in names:
            raise ParseError("not_well_formed", f"two values would be the field {name!r}", line=line)
        names.add(name)
        if len(names) > MAX_FIELDS or len(text) > MAX_FIELD:
            raise ParseError("too_large", f"a row of more than {MAX_FIELDS} fields, or a field too long", line=line)
        if field_map.closed and path not in field_map.titles:
            problems.append(f"unknown key {path!r}")
        if text:
            fields[name] = text
    return Row(registry="", fields=fields, problems=tuple(problems))


def _flatten(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        raise ParseError("too_large", "nested too deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            step = _text(key) or "(no name)"
            yield from _flatten(inner, f"{name}.{step}" if depth else step, depth + 1)
    elif isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            for number, inner in enumerate(value):
                yield from _flatten(inner, f"{name}.{number}", depth + 1)
        else:
            yield name, ", ".join(_text(item) for item in value)
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
