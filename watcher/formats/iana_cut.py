"""Cut a document of the IANA vocabulary behind each record and person, so that only what is new is parsed.

A release is nearly the same as the one before it. The document is split at `</record>` and `</person>`; a piece that
the memo knows is a row already, the others are parsed in one go. What stands between the rows, the skeleton, says
where each belongs: in it `<record n="5"/>` stands for five records that follow each other.

Where the cut could be wrong `CutError` is raised, and the document is to be read whole. It must be well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import cast

from watcher.errors import ParseError
from watcher.formats.contract import Columns, Memo, Row
from watcher.formats.decoding import bounded
from watcher.formats.iana_rows import NAMESPACE, parse, row

_ROOM = 1.2  # how many more pieces than a document has are remembered
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
        self._data = data
        self._ends: list[int] | None = None
        self._pieces: list[bytes] = []
        skeleton: list[bytes] = []
        rest = data
        self._records = 0
        for name, meant in ((b"record", columns), (b"person", persons)):
            pieces = rest.split(b"</%b>" % name)
            rest = pieces.pop()
            bounded(len(pieces), None)
            self.rows += _resolve(pieces, name, meant, memo)
            skeleton += _skeleton(pieces, memo.befores, name)
            self._pieces += pieces
            self._records = self._records or len(pieces)
            if name == b"record" and any(b"<person" in part for part in skeleton):
                raise CutError  # people between records: the rows would not stand in their order
        if len(memo.rows) > _ROOM * len(self._pieces):
            _forget(memo, self._pieces, self.rows)
        self.skeleton = b"".join([*skeleton, rest])
        if b"<record" in rest or b"<person" in rest or b"<!" in self.skeleton or self.skeleton.count(b"xmlns") != 1:
            raise CutError
        if memo.problems:
            self.odd = [number for number, found in enumerate(self.rows) if found.problems]

    def line(self, index: int) -> int:
        """The line on which a row begins, counted from 1."""
        if self._ends is None:
            self._ends = list(accumulate(len(piece) + len(b"</record>") for piece in self._pieces))
        piece = self._pieces[index]
        start = self._ends[index] - len(b"</record>") - len(piece)
        opening = b"<record" if index < self._records else b"<person"
        return self._data.count(b"\n", 0, start + piece.find(opening)) + 1


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


def _resolve(pieces: Sequence[bytes], name: bytes, columns: Columns, memo: Memo) -> list[Row]:
    """Return the row of every piece; what the memo does not know is put into it, with what stands before it."""
    known: list[Row | None] = list(map(memo.rows.get, pieces))
    if None not in known:
        return cast("list[Row]", known)
    missing = [number for number, found in enumerate(known) if found is None]
    fresh = list(dict.fromkeys(pieces[number] for number in missing))
    opening = b"<" + name
    starts = [piece.find(opening) for piece in fresh]
    if any(piece.count(opening) != 1 for piece in fresh):
        raise CutError  # an element that closes itself, or another whose name only begins so
    chunks = [piece[start:] + b"</%b>" % name for piece, start in zip(fresh, starts, strict=True)]
    if any(b"<!" in chunk or b"xmlns" in chunk for chunk in chunks):
        raise CutError
    try:
        elements = list(parse(_WRAPPER % (NAMESPACE.encode(), b"".join(chunks))))
    except ParseError:
        raise CutError from None
    if len(elements) != len(fresh):
        raise CutError
    for piece, start, element in zip(fresh, starts, elements, strict=True):
        found = memo.rows[piece] = row(element, columns)
        memo.problems = memo.problems or bool(found.problems)
        if before := piece[:start].strip() and piece[:start]:
            memo.befores[piece] = before
    for number in missing:
        known[number] = memo.rows[pieces[number]]
    return cast("list[Row]", known)


def _forget(memo: Memo, pieces: Sequence[bytes], rows: Sequence[Row]) -> None:
    """Keep what this document holds, and nothing older."""
    memo.rows = dict(zip(pieces, rows, strict=True))
    memo.befores = {piece: before for piece, before in memo.befores.items() if piece in memo.rows}
    memo.problems = any(found.problems for found in rows)


def _skeleton(pieces: Sequence[bytes], befores: Mapping[bytes, bytes], name: bytes) -> Iterator[bytes]:
    """What stood between the rows; `<record n="5"/>` stands for five that follow each other."""
    begun = 0
    for number in [number for number, piece in enumerate(pieces) if piece in befores] if befores else []:
        if number > begun:
            yield b'<%b n="%d"/>' % (name, number - begun)
        yield befores[pieces[number]]
        begun = number
    if len(pieces) > begun:
        yield b'<%b n="%d"/>' % (name, len(pieces) - begun)
