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

from watcher.errors import ParseError
from watcher.formats.contract import Columns, Memo, Row
from watcher.formats.iana_rows import NAMESPACE, parse, row

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
        used: dict[bytes, Row] = {}
        befores: dict[bytes, bytes] = {}
        rest = data
        self._records = 0
        for name, meant in ((b"record", columns), (b"person", persons)):
            pieces = rest.split(b"</%b>" % name)
            rest = pieces.pop()
            _resolve(pieces, name, meant, memo)
            rows = list(map(memo.rows.__getitem__, pieces))
            skeleton += _skeleton(pieces, memo.befores, name)
            used.update(zip(pieces, rows, strict=True))
            self.rows += rows
            self._pieces += pieces
            self._records = self._records or len(pieces)
        if memo.befores:
            befores = {piece: before for piece, before in memo.befores.items() if piece in used}
        if b"<record" in rest or b"<person" in rest or any(b"<person" in before for before in befores.values()):
            raise CutError  # people between records: the rows would not stand in their order
        self.skeleton = b"".join([*skeleton, rest])
        memo.rows, memo.befores = used, befores
        problematic = {piece for piece, found in used.items() if found.problems} if memo.problems else set()
        memo.problems = bool(problematic)
        if problematic:
            self.odd = [number for number, piece in enumerate(self._pieces) if piece in problematic]

    def line(self, index: int) -> int:
        """The line on which a row begins, counted from 1."""
        if self._ends is None:
            self._ends = list(accumulate(len(piece) + len(b"</record>") for piece in self._pieces))
        piece = self._pieces[index]
        start = self._ends[index] - len(b"</record>") - len(piece)
        opening = b"<record" if index < self._records else b"<person"
        return self._data.count(b"\n", 0, start + piece.find(opening)) + 1


def _may_be_cut(data: bytes) -> bool:
    """Whether `<record` and `<person` can only be elements here, and mean the same outside their document."""
    declaration = _ENCODING.search(data[:200])
    return (
        b"<!" not in data
        and data.count(b"xmlns") == 1
        and f'xmlns="{NAMESPACE}"'.encode() in data[:2000]
        and (declaration is None or declaration[1].lower() in (b"utf-8", b"us-ascii"))
        and not data.startswith((b"\xff\xfe", b"\xfe\xff"))
    )


def _resolve(pieces: Sequence[bytes], name: bytes, columns: Columns, memo: Memo) -> None:
    """Put every piece that the memo does not know into it: its row, and what stands before that but white space."""
    unknown = {*pieces} - memo.rows.keys()
    if not unknown:
        return
    fresh = list(dict.fromkeys(piece for piece in pieces if piece in unknown))
    opening = b"<" + name
    starts = [piece.find(opening) for piece in fresh]
    if any(piece.count(opening) != 1 for piece in fresh):
        raise CutError  # an element that closes itself, or another whose name only begins so
    chunks = [piece[start:] + b"</%b>" % name for piece, start in zip(fresh, starts, strict=True)]
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
