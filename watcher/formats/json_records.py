"""JSON and JSON Lines: a list as rows, nested objects under dotted names. Knows no registry.

The list has objects, arrays (of the same columns) or plain values; or it is an object whose keys identify its values.
A list in the column `each` gives a row for each of its values.

Every value is kept as written (`1.10` stays `1.10`, `true` is "true"), so 1 and "1" are the same; `null` is an absent
field. An array of plain values becomes one text, joined with ", "; any other array is kept as JSON text, all values in
it as texts. Line breaks inside a text are kept; any other run of white space becomes one space.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NoReturn

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.core.patterns import regex
from watcher.core.tables import Layout
from watcher.formats.base import PLACE, CompactRow, Document, FieldMap, Row, RowCache
from watcher.formats.json_stream import read_stream
from watcher.formats.text import MAX_FIELD, MAX_FIELDS, check_last_line, check_size, decode, fold, to_utf8

_MAX_DEPTH = 32
_ID = "id"  # the column of the keys of an object
_VALUE = "value"  # the column of plain values
_KINDS = {dict: "an object", list: "an array", str: "a text", bool: "a text", type(None): "null"}
_ERRORS = frozenset({"error", "errors"})
_HALF = regex("[\ud800-\udfff]")  # of a character: a surrogate
_LARGEST_WITH_DICTIONARIES = 2**22  # characters; rows of a larger document are compact
_LONGEST_PLACE = 9  # digits
_LONGEST_EXCERPT = 200  # characters
_MOST_REPEATED, _FEW = 20, 1_000_000  # `each` may give so many times the size of a document, and these characters


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:
    """Read one JSON document: the list at the path of the layout, else its only list.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `too_large`, `ragged`.
    """
    text = decode(to_utf8(data, field_map.layout), "the JSON document")
    # Checked before parsing: a bracket is one byte in the document and a hundred in memory.
    check_size(text.count("{") + text.count("["), None)
    check_size(1, None, width=text.count(","))
    document = _read_stream(text, field_map, cache if cache is not None else RowCache())
    return document or read_whole(text, field_map)


def read_whole(text: str, field_map: FieldMap) -> Document:
    """Read a document by the simple path. Raises ParseError as `read`."""
    layout = field_map.layout
    items, header = _find_rows(_parse(text, 1), layout.path)
    objects = _name_keys(items, layout) if isinstance(items, dict) else _make_objects(items, layout)
    if layout.each:
        objects = [item for item, _ in _spread(((item, None) for item in objects), layout.each, len(text))]
    return _make_document([_read_row(item, field_map, None) for item in objects], header, ())


def _read_stream(text: str, field_map: FieldMap, cache: RowCache) -> Document | None:
    """Read the list of a document object by object; None if the simple path must read it, or find the error in it."""
    layout = field_map.layout
    if layout.each:
        return None
    read_row = partial(_read_row, field_map=field_map, line=None, compact=len(text) > _LARGEST_WITH_DICTIONARIES)
    stream = read_stream(text, _DECODER, read_row, cache)
    if stream is None:
        return None
    try:
        items, header = _find_rows(stream.document, layout.path)
    except ParseError:
        return None
    return _make_document(stream.rows, header, ()) if items is stream.place else None


def read_lines(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001
    """Read JSON Lines: one object, array or value on each line; empty lines are allowed. Raises as `read`."""
    layout = field_map.layout
    data = to_utf8(data, layout)
    text = decode(data, "JSON lines")
    check_size(text.count("\n"), None)
    values = [(line, _parse(item, line)) for line, item in enumerate(text.split("\n"), 1) if item.strip()]
    objects = _make_objects([value for _, value in values], layout, [line for line, _ in values])
    placed: Iterable[tuple[dict[str, Any], int | None]] = zip(objects, [line for line, _ in values], strict=True)
    if layout.each:
        placed = _spread(placed, layout.each, len(text))
    rows = [_read_row(item, field_map, line) for item, line in placed]
    return _make_document(rows, {}, check_last_line(data))


def _name_keys(items: Mapping[str, Any], layout: Layout) -> list[dict[str, Any]]:
    """Return the values of an object as rows with their key: in the first configured column, else `id`."""
    name = layout.columns[0] if layout.columns else _ID
    if any(isinstance(item, dict) and name in item for item in items.values()):
        name = f"({name})"
    return [{name: key, **(item if isinstance(item, dict) else {_VALUE: item})} for key, item in items.items()]


def _make_objects(items: Sequence[Any], layout: Layout, lines: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """Yield the items of a list as objects: arrays by column, plain values as the only column.

    `lines` are their lines, for errors.
    """
    kind = next((kind for kind in (dict, list) if items and isinstance(items[0], kind)), None)
    names = layout.columns
    for number, item in enumerate(items):
        if kind is dict and isinstance(item, dict):
            yield item
        elif kind is list and isinstance(item, list):
            if number == 0 and layout.header and not names:
                names = tuple(map(_text, item))
                continue
            if names and len(names) != len(item):
                message = f"item {number} of the list has {len(item)} values, not {len(names)}"
                raise ParseError("ragged", message, line=lines[number] if lines else None)
            yield dict(zip(names or [f"column {place}" for place in range(1, len(item) + 1)], item, strict=True))
        elif kind is None and not isinstance(item, dict | list):
            yield {names[0] if names else _VALUE: item}
        else:
            message = f"item {number} of the list is {_KINDS[type(item)]}, unlike the first"
            raise ParseError("not_expected_format", message, line=lines[number] if lines else None)


def _spread(
    objects: Iterable[tuple[dict[str, Any], int | None]], column: str, size: int
) -> list[tuple[dict[str, Any], int | None]]:
    """Return objects with their lines: one for each value of the list that an object has in a column.

    The other columns are repeated, so the result can be much larger than the document, which has `size` characters.
    Raises ParseError: `too_large`, `not_expected_format`.
    """
    spread: list[tuple[dict[str, Any], int | None]] = []
    is_known, characters = False, 0
    for item, line in objects:
        is_known = is_known or column in item
        values = item.get(column)
        if not isinstance(values, list):
            spread.append((item, line))
            continue
        characters += len(values) * len(json.dumps({**item, column: None}))
        if characters > _MOST_REPEATED * size + _FEW:
            raise ParseError("too_large", f"a row for each value of {column!r} repeats too much", line=line)
        check_size(len(spread) + len(values), None, at_once=False)
        spread += [({**item, column: value}, line) for value in values]
    if spread and not is_known:
        raise ParseError("not_expected_format", f"no row has the column {column!r}, whose values were to be rows")
    return spread


def _make_document(rows: Sequence[Row], header: Mapping[str, str], problems: tuple[Problem, ...]) -> Document:
    row_problems = dict.fromkeys(problem for row in rows for problem in row.problems)
    return Document(
        headers={"": {"id": "", **header}},
        rows=tuple(rows),
        problems=(*(Problem(code="unknown_column", message=problem) for problem in row_problems), *problems),
    )


def _parse(text: str, line: int) -> Any:
    try:
        return json.loads(text, **_HOOKS)
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


# Numbers stay as written: no float loses a digit, no integer is too long.
_HOOKS: Mapping[str, Any] = {
    "object_pairs_hook": _make_object,
    "parse_constant": _refuse_constant,
    "parse_float": str,
    "parse_int": str,
    "strict": True,
}
_DECODER = json.JSONDecoder(**_HOOKS)


def _find_rows(value: Any, path: str) -> tuple[list[Any] | dict[str, Any], dict[str, str]]:
    """Return the rows and the plain values beside them, with the path to the rows if they are in an object.

    At the path is a list, an object with a single list, an object of objects, or a pair of an object and a list.
    """
    parent, steps = value, path
    taken = []
    while steps:
        step = _first_step(value, steps)
        if step is None:
            raise ParseError("not_expected_format", f"the document has nothing at {path!r}")
        taken.append(step)
        parent, value = value, value[step] if isinstance(value, dict) else value[int(step)]
        steps = steps[len(step) + 1 :]
    rows: Any = value
    if isinstance(value, dict):
        lists = [name for name, inner in value.items() if isinstance(inner, list)]
        if len(lists) == 1:
            taken.append(lists[0])
            parent, rows = value, value[lists[0]]
        elif not _are_rows(value, may_be_plain=bool(path)):
            raise ParseError("not_expected_format", f"{len(lists)} lists in the document: a path has to name one")
        if not path and {name.lower() for name in (lists or value)} <= _ERRORS:
            raise ParseError("not_expected_format", f"an error was served in place of the document: {_excerpt(value)}")
    elif isinstance(value, list) and [type(item) for item in value] == [dict, list]:
        parent, rows = value
        taken.append("1")
    elif not isinstance(value, list):
        raise ParseError("not_expected_format", "the document is not a list, nor an object with one")
    siblings = parent if isinstance(parent, dict) and parent is not rows else {}
    plain = {key: sibling for key, sibling in siblings.items() if isinstance(sibling, str | bool)}
    return rows, {**({PLACE: ".".join(taken)} if taken else {}), **dict(_flatten(plain, "", 0))}


def _are_rows(value: Mapping[str, Any], *, may_be_plain: bool) -> bool:
    """Return whether the values of an object are rows: objects; or `may_be_plain` and of one kind."""
    kinds = {dict if isinstance(inner, dict) else list if isinstance(inner, list) else str for inner in value.values()}
    return kinds == {dict} or (may_be_plain and len(kinds) == 1)


def _first_step(value: Any, path: str) -> str | None:
    """Return the longest beginning of a dotted path that is a key or place in a value: a key may have dots itself."""
    names = path.split(".")
    for count in range(len(names), 0, -1):
        step = ".".join(names[:count])
        if isinstance(value, dict) and step in value:
            return step
        if isinstance(value, list) and step.isascii() and step.isdecimal() and len(step) <= _LONGEST_PLACE:
            return step if int(step) < len(value) else None
    return None


def _excerpt(value: Any) -> str:
    return fold(json.dumps(value, ensure_ascii=False))[:_LONGEST_EXCERPT]


def _read_row(value: Mapping[str, Any], field_map: FieldMap, line: int | None, *, compact: bool = False) -> Row:
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
    return Row(registry="", fields=CompactRow(fields) if compact else fields, problems=tuple(problems))


def _flatten(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        raise ParseError("too_large", "nested too deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            step = _name(key)
            path = f"{name}.{step}" if depth else step
            # Most values are texts; a generator for each would take longer than the text itself.
            if isinstance(inner, str) and depth < _MAX_DEPTH:
                yield path, _text(inner)
            else:
                yield from _flatten(inner, path, depth + 1)
    elif isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            yield name, json.dumps(_as_texts(value, depth), ensure_ascii=False)
        else:
            yield name, ", ".join(_text(item) for item in value)
    else:
        yield name, _text(value)


def _as_texts(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ParseError("too_large", "nested too deep")
    if isinstance(value, dict):
        return {_text(key): _as_texts(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_texts(inner, depth + 1) for inner in value]
    return _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if "\0" in text or (not text.isascii() and _HALF.search(text)):
        raise ParseError("not_well_formed", "a text holds NUL or half a character")
    return "\n".join(map(fold, text.split("\n"))).strip("\n") if "\n" in text else fold(text)


@lru_cache(maxsize=4096)
def _name(key: str) -> str:
    """Return a key as part of a column's name."""
    return _text(key) or "(no name)"
