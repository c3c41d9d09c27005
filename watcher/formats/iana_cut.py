"""Cut a document of the IANA vocabulary behind each record and person, so that only what is new is parsed.

A release is nearly the same as the one before it. The document is split at `</record>` and `</person>`; a piece that
the memo knows is a row already, the others are parsed in one go. What stands between the rows, the skeleton, says
where each belongs: in it `<record n="5"/>` stands for five records that follow each other.

Where the cut could be wrong `CutError` is raised, and the document is to be read whole. It must be well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import cast

from watcher.errors import ParseError
from watcher.formats.contract import Columns, Memo, Row
from watcher.formats.decoding import bounded
from watcher.formats.iana_rows import NAMESPACE, parse, row

_BLOCK = 2**18  # bytes that are cut and parsed at a time: as a tree they take ten times their room
# Of larger documents a digest of each piece is remembered and not the piece, which takes its room for good.
_LARGE = 32 * 2**20
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_WRAPPER = b'<registry xmlns="%b">%b</registry>'


class CutError(Exception):
    """The document is not built as the cut supposes."""


class Cut:
    """A document as rows in their order and the skeleton that they stood in; `odd` are the rows that have problems."""

    def __init__(self, data: bytes, columns: Columns, persons: Columns, memo: Memo) -> None:
        if not _may_be_cut(data):
            raise CutError
        self.rows: list[Row] = []
        self.odd: list[int] = []
        numbers: dict[bytes, int] = {}
        skeleton: list[bytes] = []
        at = 0
        for name, meant in ((b"record", columns), (b"person", persons)):
            before = len(self.rows)
            for pieces, end in _blocks(data, at, name):
                bounded(len(self.rows) - before + len(pieces), None, at_once=False)
                marks = _marks(pieces, len(data))
                self.rows += _resolve(pieces, marks, name, meant, memo)
                skeleton += _skeleton(marks, memo.befores, name)
                at = end
            numbers[name] = len(self.rows) - before
            if name == b"record" and any(b"<person" in part for part in skeleton):
                raise CutError  # people between records: the rows would not stand in their order
        memo.forget(self.rows)
        rest = data[at:]
        self.skeleton = b"".join([*skeleton, rest])
        if b"<record" in rest or b"<person" in rest or b"<!" in self.skeleton or self.skeleton.count(b"xmlns") != 1:
            raise CutError
        if memo.problems:
            self.odd = [number for number, found in enumerate(self.rows) if found.problems]
        self._lines = enumerate(_begins(data, numbers))

    def line(self, index: int) -> int:
        """The line on which a row begins, counted from 1. To be asked in the order of the rows, each once."""
        return next(line for number, line in self._lines if number == index)


def _begins(data: bytes, numbers: Mapping[bytes, int]) -> Iterator[int]:
    """The line on which each element begins; `numbers` says how many there are by their name."""
    at, line = 0, 1
    for name, number in numbers.items():
        for _ in range(number):
            opening, end = data.index(b"<" + name, at), data.index(b"</%b>" % name, at)
            yield line + data.count(b"\n", at, opening)
            line += data.count(b"\n", at, end)
            at = end + len(name) + 3


def _blocks(data: bytes, start: int, name: bytes) -> Iterator[tuple[list[bytes], int]]:
    """The pieces of a document, each without its `</name>`, many at a time, and where the last of them ends."""
    ending = b"</%b>" % name
    last = data.rfind(ending, start)
    while start <= last:
        end = data.rfind(ending, start, start + _BLOCK)
        if end < 0:
            end = data.index(ending, start)
        yield data[start:end].split(ending), end + len(ending)
        start = end + len(ending)


def _marks(pieces: Sequence[bytes], size: int) -> Sequence[bytes]:
    """What the pieces of a document of such a size are remembered by."""
    if size <= _LARGE:
        return pieces
    return [blake2b(piece, digest_size=15).digest() for piece in pieces]


def _may_be_cut(data: bytes) -> bool:
    """Whether a piece of the document means the same outside of it, by what its beginning says.

    Comments, CDATA and other namespaces, in which `<record` can be something else, are looked for in what is read.
    """
    declaration = _ENCODING.search(data[:200])
    return (
        f'xmlns="{NAMESPACE}"'.encode() in data[:2000]
        and (declaration is None or declaration[1].lower() in (b"utf-8", b"us-ascii"))
        and not data.startswith((b"\xff\xfe", b"\xfe\xff"))
    )


def _resolve(pieces: Sequence[bytes], marks: Sequence[bytes], name: bytes, columns: Columns, memo: Memo) -> list[Row]:
    """Return the row of every piece; what the memo does not know is put into it, with what stands before it."""
    known: list[Row | None] = list(map(memo.rows.get, marks))
    if None not in known:
        return cast("list[Row]", known)
    missing = [number for number, found in enumerate(known) if found is None]
    fresh = {marks[number]: pieces[number] for number in missing}
    opening = b"<" + name
    starts = [piece.find(opening) for piece in fresh.values()]
    if any(piece.count(opening) != 1 for piece in fresh.values()):
        raise CutError  # an element that closes itself, or another whose name only begins so
    chunks = [piece[start:] + b"</%b>" % name for piece, start in zip(fresh.values(), starts, strict=True)]
    if any(b"<!" in chunk or b"xmlns" in chunk for chunk in chunks):
        raise CutError
    try:
        elements = list(parse(_WRAPPER % (NAMESPACE.encode(), b"".join(chunks))))
    except ParseError:
        raise CutError from None
    if len(elements) != len(fresh):
        raise CutError
    for (mark, piece), start, element in zip(fresh.items(), starts, elements, strict=True):
        found = memo.rows[mark] = row(element, columns)
        memo.problems = memo.problems or bool(found.problems)
        if before := piece[:start].strip() and piece[:start]:
            memo.befores[mark] = before
    for number in missing:
        known[number] = memo.rows[marks[number]]
    return cast("list[Row]", known)


def _skeleton(marks: Sequence[bytes], befores: Mapping[Hashable, bytes], name: bytes) -> Iterator[bytes]:
    """What stood between the rows; `<record n="5"/>` stands for five that follow each other."""
    begun = 0
    for number in [number for number, mark in enumerate(marks) if mark in befores] if befores else []:
        if number > begun:
            yield b'<%b n="%d"/>' % (name, number - begun)
        yield befores[marks[number]]
        begun = number
    if len(marks) > begun:
        yield b'<%b n="%d"/>' % (name, len(marks) - begun)
