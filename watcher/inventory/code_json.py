"""A JSON of names and codes: an object `{"NAME": 5}`, a list of objects or pairs, or such an object for each table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watcher.core.errors import ParseError
from watcher.inventory.base import ListText, check_name
from watcher.inventory.code_cells import find_columns, make_entry
from watcher.inventory.json_text import LineFinder, parse_json
from watcher.inventory.model import ListEntry
from watcher.inventory.names import parse_code


def is_code_json(text: ListText) -> bool:
    return text.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield the entries of a list. Raises ParseError for anything but names and codes."""
    document = parse_json(text.text)
    reader = _JsonReader(text)
    if isinstance(document, dict):
        yield from reader.read_object(document, "")
    else:
        yield from reader.read_list(document, "")


class _JsonReader:
    def __init__(self, text: ListText) -> None:
        self._text = text
        self._finder = LineFinder(text.text)

    def read_object(self, value: dict[str, Any], table: str) -> Iterator[ListEntry]:
        """Yield the entries of names and codes; an object or list inside is those of one table."""
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                if table:
                    raise ParseError("not_expected_format", f"{name[:40]!r} is nested too deep", line=self._line(name))
                self._line(name)
                of_table = check_name(name)
                yield from (
                    self.read_object(inner, of_table) if isinstance(inner, dict) else self.read_list(inner, of_table)
                )
            else:
                yield from self._entry(self._pair(name, _cell(inner)), table, self._line(name))

    def read_list(self, values: list[Any], table: str) -> Iterator[ListEntry]:
        for value in values:
            if isinstance(value, dict):
                columns = find_columns([*value])
                if columns is None:
                    raise ParseError("not_expected_format", "an object without name and code", line=self._line(""))
                texts = [_cell(inner) for inner in value.values()]
                cells = {column: texts[place] for column, place in columns.items()}
            elif isinstance(value, list):
                if len(value) != 2:
                    raise ParseError("not_expected_format", "not a pair of name and code", line=self._line(""))
                cells = self._pair(*map(_cell, value))
            else:
                text = _cell(value)
                cells = {"code" if parse_code(text) else "name": text}
            yield from self._entry(cells, table, self._line(cells.get("name") or cells.get("code", "")))

    def _pair(self, one: str, other: str) -> dict[str, str]:
        """Return a pair by column: the code can come first or last."""
        is_code_first = bool(parse_code(one)) and not parse_code(other)
        return {"name": other, "code": one} if is_code_first else {"name": one, "code": other}

    def _entry(self, cells: dict[str, str], table: str, line: int) -> Iterator[ListEntry]:
        entry = make_entry({"table": table, **cells}, self._text.name, line, of_ports=self._text.of_ports)
        if entry is not None:
            yield entry

    def _line(self, name: str) -> int:
        return self._finder.find(name)


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ParseError("not_expected_format", "a list or object in place of a name or code")
    if isinstance(value, bool):
        raise ParseError("not_expected_format", "true or false in place of a name or code")
    return "" if value is None else str(value)
