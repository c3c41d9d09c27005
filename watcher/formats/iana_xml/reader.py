"""The IANA XML vocabulary (namespace http://www.iana.org/assignments): one registry group, nested to any depth.

Knows elements and attributes, and no registry: what a column means is handed in. The whole document is proven
well-formed on every read. Nothing is dropped: an unknown element becomes a field under its own name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter

from lxml import etree

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.formats.base import NOWHERE, Document, Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.iana_xml.cells import local
from watcher.formats.iana_xml.chunks import Cut, CutError
from watcher.formats.iana_xml.elements import parse, row
from watcher.formats.text import bounded
from watcher.formats.xml_safety import prove

_OWN = (
    *("title", "created", "updated", "category", "note", "registration_rule", "description", "expert", "file", "hide"),
    *("footnote", "footnotes", "range"),
)
HEADER = FieldMap(
    elements={name: name for name in _OWN}, attributes={"id": "id"}, always=("id", "title", "updated"), closed=True
)
# A document that only says where the registry group went.
REDIRECT = FieldMap(attributes={"id": "id", "registry": "moved_to"}, always=("id", "title", "updated"))
PERSON = FieldMap(attributes={"id": "id"}, always=("id", "name", "org", "uri", "updated"))

# The shape alone: a label that lies, 2026-02-30, is a label still.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ROOT_ID = re.compile(rb"""<registry\b[^>]*\sid=["']([A-Za-z0-9._-]+)["']""")
_PLACE = attrgetter("registry")
_STRUCTURE = frozenset({"registry", "record", "people"})


def read(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:
    """Read one registry group; `memo` makes the next release cost what changed.

    A `<redirect>` in place of the registry is a document whose header says where it `moved_to`. Raises ParseError:
    `empty`, `not_expected_format` (another root; HTML), `doctype` (any DOCTYPE: no entity is ever expanded),
    `not_well_formed` with line and column, `too_large`.
    """
    _sniff(data)
    memo = memo if memo is not None else RowCache()
    try:
        cut = Cut(data, columns, PERSON, memo)
        try:
            return _Walk(columns, cut, memo).document(cut.skeleton)
        except _LineError:
            return _Walk(columns, cut, memo, lined=True).document(cut.lined())
    except CutError:
        return read_whole(data, columns)


def read_whole(data: bytes, columns: FieldMap) -> Document:
    """Read the whole tree at once: slower, and what the cut is held against. Raises ParseError as `read` does."""
    prove(data)
    bounded(data.count(b"<record"), None)
    return _Walk(columns, None, RowCache()).document(parse(data))


def document_id(data: bytes) -> str:
    """Return the id that a document's root bears, as far as a look at its beginning tells; "" where it does not."""
    found = _ROOT_ID.search(data, 0, 4096)
    return found[1].decode("ascii") if found else ""


def _sniff(data: bytes) -> None:
    head = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise ParseError("empty", "the document is empty")
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        raise ParseError("not_expected_format", "a web page was served in place of the registry", line=1)
    if not head.startswith(b"<") and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ParseError("not_expected_format", "this is not XML", line=1)


class _LineError(Exception):
    """The line of an element is asked for, and the skeleton is not lined."""


class _Walk:
    """Goes through the registries of a document, nested ones included, and collects what they hold."""

    def __init__(self, columns: FieldMap, cut: Cut | None, memo: RowCache, *, lined: bool = False) -> None:
        self._columns = columns
        self._lined = lined or cut is None
        self._cut = cut
        self._taken = 0  # of the cut's rows
        self._memo = memo
        self._headers: dict[str, Mapping[str, str]] = {}
        self._rows: list[Row] = []
        self._contacts: list[Row] = []
        # What is not as expected → the line where that was seen first, and how often it was.
        self._problems: dict[str, tuple[int | None, int]] = {}
        self._placed: dict[tuple[str, Row], Row] = {}

    def document(self, root: etree._Element) -> Document:
        """Read from the root down. Raises CutError where the cut does not fit what it was cut from."""
        name = local(root.tag)
        if name == "redirect":
            header = row(root, REDIRECT)
            self._headers[""] = header.fields
            self._report(header, root)
        elif name == "registry":
            self._registry(root, "")
        else:
            raise ParseError(
                "not_expected_format", f"the root element is <{name}>, not <registry>", line=root.sourceline
            )
        if self._cut:
            if len(self._rows) + len(self._contacts) != len(self._cut.rows):
                raise CutError
            self._memo.placed = self._placed
        else:
            misplaced = sum(1 for each in root.iter() if local(each.tag) == "record") - len(self._rows)
            if misplaced:
                self._problems["a record outside any registry, kept as the markup round it"] = (None, misplaced)
        updated = self._headers[""].get("updated", "")
        dated = _DATE.fullmatch(updated) is not None
        if updated and not dated:
            self._problems[f"the date of the registry is no date: {updated[:40]!r}"] = (None, 1)
        return Document(
            id=root.get("id", ""),
            published=updated if dated else None,
            headers=self._headers,
            rows=tuple(self._rows),
            contacts=tuple(self._contacts),
            problems=tuple(
                Problem(code="unknown_column", message=f"{text} ({times} times)" if times > 1 else text, line=line)
                for text, (line, times) in self._problems.items()
            ),
        )

    def _registry(self, element: etree._Element, path: str) -> None:
        header = row(element, HEADER, (child for child in element if local(child.tag) not in _STRUCTURE))
        self._headers[path] = header.fields
        self._report(header, element)
        for child in element:
            name = local(child.tag)
            if name == "record":
                self._rows.extend(self._next(child, self._columns, path))
            elif name == "people":
                for person in child:
                    if local(person.tag) != "person":
                        text = f"<{local(person.tag)}> among people is read as a person"
                        self._problems[text] = (self._line(person), 1)
                    self._contacts.extend(self._next(person, PERSON, path))
            elif name == "registry":
                self._registry(child, self._path(child, path))

    def _path(self, element: etree._Element, above: str) -> str:
        """Where a nested registry stands: the ids down to it. One without an id, or with one taken, is numbered."""
        step = element.get("id") or f"#{len(self._headers)}"
        path = f"{above}/{step}" if above else step
        if not element.get("id"):
            self._problems["a registry without an id"] = (self._line(element), 1)
        if path in self._headers:
            self._problems[f"two registries have the id {step!r}"] = (self._line(element), 1)
            path += f"#{len(self._headers)}"
        return path

    def _next(self, element: etree._Element, columns: FieldMap, path: str) -> Sequence[Row]:
        """The rows that an element of the document, or a placeholder of the skeleton, stands for."""
        if self._cut is None:
            found = row(element, columns)
            self._report(found, element)
            return (self._at(found, path),)
        if local(element.tag) != ("person" if columns is PERSON else "record"):
            raise CutError
        first, self._taken = self._taken, self._taken + int(element.get("n", "1"))
        rows = self._cut.rows[first : self._taken]
        for number in self._cut.odd[bisect_left(self._cut.odd, first) : bisect_left(self._cut.odd, self._taken)]:
            found = self._cut.rows[number]
            self._report(found, number)
        places = list(map(_PLACE, rows))
        # Nearly all stand where they did: that they do is seen at once.
        for number in range(len(rows)) if places.count(path) < len(rows) else ():
            if places[number] != path:
                rows[number] = self._at(rows[number], path)
        return rows

    def _at(self, found: Row, path: str) -> Row:
        """The row in its registry: the same object for the same row of the release before."""
        if found.registry == NOWHERE:
            found.registry = path
            return found
        # The same bytes stand, or stood, in another registry too.
        placed = self._memo.placed.get((path, found))
        if placed is None:
            placed = Row(registry=path, fields=found.fields, problems=found.problems)
        self._placed[path, found] = placed
        return placed

    def _report(self, found: Row, at: etree._Element | int) -> None:
        """Say what is not as expected in a row: an element's, or one of the cut's by its number."""
        for problem in found.problems:
            line, times = self._problems.get(problem, (None, 0))
            self._problems[problem] = (line if times else self._line(at), times + 1)

    def _line(self, at: etree._Element | int) -> int | None:
        if isinstance(at, int):
            return self._cut.line(at) if self._cut else None
        if not self._lined:
            raise _LineError
        return at.sourceline
