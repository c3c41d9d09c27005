"""Read the IANA XML vocabulary (namespace http://www.iana.org/assignments): one registry group, nested to any depth.

Knows elements and attributes, and no registry: a field map says which column becomes which field. Every read proves
that the whole document is well-formed. Nothing is dropped: an unknown element becomes a field under its own name.

`read_whole` is the simple path: parse the tree and walk it. `read` gives the same answer from chunks (`chunks.py`), of
which only the new ones are parsed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter

from lxml import etree

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.core.times import is_date
from watcher.formats.base import UNPLACED, Document, FieldMap, Row, RowCache
from watcher.formats.iana_xml.cells import local_name
from watcher.formats.iana_xml.chunks import ChunkedDocument, ChunkError
from watcher.formats.iana_xml.elements import is_large, parse_xml, read_element
from watcher.formats.text import check_size
from watcher.formats.xml_safety import check_well_formed

_HEADER_ELEMENTS = (
    *("title", "created", "updated", "category", "note", "registration_rule", "description", "expert", "file", "hide"),
    *("footnote", "footnotes", "range"),
)
HEADER = FieldMap(
    elements={name: name for name in _HEADER_ELEMENTS},
    attributes={"id": "id"},
    always=("id", "title", "updated"),
    closed=True,
)
# A document that only names the group that replaces this one.
REDIRECT = FieldMap(attributes={"id": "id", "registry": "moved_to"}, always=("id", "title", "updated"))
PERSON = FieldMap(attributes={"id": "id"}, always=("id", "name", "org", "uri", "updated"))

_REGISTRY = attrgetter("registry")
_STRUCTURE = frozenset({"registry", "record", "people"})


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:
    """Read one registry group, or a redirect (`moved_to`); with a `cache` parse only what changed.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `doctype`, `too_large`.
    """
    _check_begin(data)
    cache = cache if cache is not None else RowCache()
    try:
        chunks = ChunkedDocument(data, field_map, PERSON, cache)
        try:
            return _DocumentWalk(field_map, chunks, cache).read(chunks.skeleton)
        except _LineError:
            return _DocumentWalk(field_map, chunks, cache, has_lines=True).read(chunks.skeleton_with_lines())
    except ChunkError:
        return read_whole(data, field_map)


def read_whole(data: bytes, field_map: FieldMap) -> Document:
    """Read a document by the simple path. Raises ParseError as `read`, but never `empty`."""
    check_well_formed(data)
    check_size(data.count(b"<record"), None)
    return _DocumentWalk(field_map, None, RowCache(), compact=is_large(data)).read(parse_xml(data))


def _check_begin(data: bytes) -> None:
    begin = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not begin:
        raise ParseError("empty", "the document is empty")
    if begin.startswith((b"<!doctype html", b"<html")) or b"<html" in begin:
        raise ParseError("not_expected_format", "a web page was served in place of the registry", line=1)
    if not begin.startswith(b"<") and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ParseError("not_expected_format", "this is not XML", line=1)


class _LineError(Exception):
    """A message needs the line of an element, and the skeleton has no lines."""


class _DocumentWalk:
    """Walks once through a document, or the skeleton of its `chunks`; collects rows and headers."""

    def __init__(
        self,
        field_map: FieldMap,
        chunks: ChunkedDocument | None,
        cache: RowCache,
        *,
        has_lines: bool = False,
        compact: bool = False,
    ) -> None:
        self._field_map = field_map
        self._has_lines = has_lines or chunks is None
        self._chunks = chunks
        self._compact = compact
        self._next_row = 0  # of the chunks
        self._cache = cache
        self._headers: dict[str, Mapping[str, str]] = {}
        self._rows: list[Row] = []
        self._contacts: list[Row] = []
        # Each problem, with the line where it occurs first and how often it occurs.
        self._problems: dict[str, tuple[int | None, int]] = {}
        self._placed: dict[tuple[str, Row], Row] = {}

    def read(self, root: etree._Element) -> Document:
        """Read from the root down. Raises ChunkError if the skeleton does not fit the rows."""
        name = local_name(root.tag)
        if name == "redirect":
            header = read_element(root, REDIRECT)
            self._headers[""] = header.fields
            self._add_problems(header, root)
        elif name == "registry":
            self._read_registry(root, "")
        else:
            raise ParseError(
                "not_expected_format", f"the root element is <{name}>, not <registry>", line=root.sourceline
            )
        if self._chunks:
            if len(self._rows) + len(self._contacts) != len(self._chunks.rows):
                raise ChunkError
            self._cache.placed = self._placed
        else:
            misplaced = sum(1 for element in root.iter() if local_name(element.tag) == "record") - len(self._rows)
            if misplaced:
                self._problems["a record outside any registry, kept as the markup round it"] = (None, misplaced)
        updated = self._headers[""].get("updated", "")
        has_date = is_date(updated)
        if updated and not has_date:
            self._problems[f"the date of the registry is no date: {updated[:40]!r}"] = (None, 1)
        return Document(
            id=root.get("id", ""),
            published=updated if has_date else None,
            headers=self._headers,
            rows=tuple(self._rows),
            contacts=tuple(self._contacts),
            problems=tuple(
                Problem(code="unknown_column", message=f"{text} ({times} times)" if times > 1 else text, line=line)
                for text, (line, times) in self._problems.items()
            ),
        )

    def _read_registry(self, element: etree._Element, path: str) -> None:
        header = read_element(element, HEADER, (child for child in element if local_name(child.tag) not in _STRUCTURE))
        self._headers[path] = header.fields
        self._add_problems(header, element)
        for child in element:
            name = local_name(child.tag)
            if name == "record":
                self._rows.extend(self._read_rows(child, self._field_map, path))
            elif name == "people":
                for person in child:
                    if local_name(person.tag) != "person":
                        text = f"<{local_name(person.tag)}> among people is read as a person"
                        self._problems[text] = (self._line(person), 1)
                    self._contacts.extend(self._read_rows(person, PERSON, path))
            elif name == "registry":
                self._read_registry(child, self._path(child, path))

    def _path(self, element: etree._Element, parent: str) -> str:
        """Return the path of a nested registry: the ids down to it, with a number for a missing or repeated id."""
        step = element.get("id") or f"#{len(self._headers)}"
        path = f"{parent}/{step}" if parent else step
        if not element.get("id"):
            self._problems["a registry without an id"] = (self._line(element), 1)
        if path in self._headers:
            self._problems[f"two registries have the id {step!r}"] = (self._line(element), 1)
            path += f"#{len(self._headers)}"
        return path

    def _read_rows(self, element: etree._Element, field_map: FieldMap, path: str) -> Sequence[Row]:
        """Return the row of an element, or the rows that a placeholder of the skeleton stands for."""
        if self._chunks is None:
            row = read_element(element, field_map, compact=self._compact)
            self._add_problems(row, element)
            return (self._place(row, path),)
        if local_name(element.tag) != ("person" if field_map is PERSON else "record"):
            raise ChunkError
        first, self._next_row = self._next_row, self._next_row + int(element.get("n", "1"))
        rows = self._chunks.rows[first : self._next_row]
        numbers = self._chunks.problem_rows
        for number in numbers[bisect_left(numbers, first) : bisect_left(numbers, self._next_row)]:
            self._add_problems(self._chunks.rows[number], number)
        registries = list(map(_REGISTRY, rows))
        # Nearly always all rows are placed here already; `count` finds that out in C.
        for number in range(len(rows)) if registries.count(path) < len(rows) else ():
            if registries[number] != path:
                rows[number] = self._place(rows[number], path)
        return rows

    def _place(self, row: Row, path: str) -> Row:
        """Return the row with its registry set: for a row of the previous document, the same object again."""
        if row.registry == UNPLACED:
            row.registry = path
            return row
        # Another registry has, or had, the same bytes: this one needs a copy.
        placed = self._cache.placed.get((path, row))
        if placed is None:
            placed = Row(registry=path, fields=row.fields, problems=row.problems)
        self._placed[path, row] = placed
        return placed

    def _add_problems(self, row: Row, source: etree._Element | int) -> None:
        """Report the problems of a row; `source` is its element, or its number among the chunks."""
        for problem in row.problems:
            line, times = self._problems.get(problem, (None, 0))
            self._problems[problem] = (line if times else self._line(source), times + 1)

    def _line(self, source: etree._Element | int) -> int | None:
        if isinstance(source, int):
            return self._chunks.line(source) if self._chunks else None
        if not self._has_lines:
            raise _LineError
        return source.sourceline
