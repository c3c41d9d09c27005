"""Cut a document of the IANA vocabulary behind each record and person, so that only what is new is parsed.

A release is nearly the same as the one before it. The document is split at `</record>` and `</person>`; a piece that
the memo knows is a row already, the others are parsed in one go. What stands between the rows, the skeleton, says
where each belongs: in it `<record n="5"/>` stands for five records that follow each other.

Where the cut could be wrong `CutError` is raised, and the document is to be read whole. It must be well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from watcher.errors import ParseError
from watcher.formats.contract import Columns, Memo, Row
from watcher.formats.iana_rows import NAMESPACE, parse, row

_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_WRAPPER = b'<registry xmlns="%b">%b</registry>'


class CutError(Exception):
    """The document is not built as the cut supposes."""


class Cut:
    """A document as rows in their order and the skeleton that they stood in."""

    def __init__(self, data: bytes, columns: Columns, persons: Columns, memo: Memo) -> None:
        if not _may_be_cut(data):
            raise CutError
        self.rows: list[Row] = []
        self._data = data
        self._ends: list[int] | None = None
        self._pieces: list[bytes] = []
        self._records = data.count(b"</record>")
        skeleton: list[bytes] = []
        used: dict[bytes, tuple[bytes, Row]] = {}
        rest = data
        for name, meant in ((b"record", columns), (b"person", persons)):
            pieces = rest.split(b"</%b>" % name)
            rest = pieces.pop()
            found = _resolve(pieces, name, meant, memo)
            if any(b"<person" in before for before, _ in found.values()):
                raise CutError  # people between records: the rows would not stand in their order
            skeleton += _skeleton([found[piece] for piece in pieces], name)
            self.rows += [found[piece][1] for piece in pieces]
            self._pieces += pieces
            used |= found
        if b"<record" in rest or b"<person" in rest:
            raise CutError
        self.skeleton = b"".join([*skeleton, rest])
        memo.rows = used

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


def _resolve(pieces: Sequence[bytes], name: bytes, columns: Columns, memo: Memo) -> dict[bytes, tuple[bytes, Row]]:
    """Every piece as what stands before its row ("" where that is white space) and the row."""
    known = memo.rows
    found = {piece: known[piece] for piece in pieces if piece in known}
    fresh = [piece for piece in dict.fromkeys(pieces) if piece not in found]
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
        before = piece[:start]
        found[piece] = (before if before.strip() else b"", row(element, columns))
    return found


def _skeleton(found: Sequence[tuple[bytes, Row]], name: bytes) -> Iterator[bytes]:
    run = 0
    for before, _ in found:
        if before:
            if run:
                yield b'<%b n="%d"/>' % (name, run)
            yield before
            run = 0
        run += 1
    if run:
        yield b'<%b n="%d"/>' % (name, run)
