"""Bytes of a text format to text, strictly, and what was served in place of it. Knows no format's syntax."""

from __future__ import annotations

import re
from collections.abc import Callable

from watcher.core.errors import ParseError
from watcher.core.model import Problem

# The largest tables that are published as registries have some 100,000 rows. These bound what a hostile document can
# cost in memory: a row as read takes some 500 bytes, a cell some 40 more; where a whole document is parsed before its
# rows are made, several times as much.
MAX_ROWS = 1_200_000
MAX_CELLS = 25_000_000
MAX_ROWS_AT_ONCE = 500_000
MAX_CELLS_AT_ONCE = 10_000_000
MAX_FIELDS = 1_000
MAX_FIELD = 131_072  # characters; also the csv module's own limit

# A table may well begin with "<" (`<alert-category>/<alert-identifier>,…`): only what cannot be one is a page.
_HEAD = 4096  # bytes
_MARKUP = re.compile(r"\s*<(?:\?xml\s|!doctype\s|!--|html[\s>]|[a-z][\w:.-]*\s[^<>]*xmlns)", re.IGNORECASE)


def decode(data: bytes, what: str) -> str:
    """Return the text of a UTF-8 document without its byte order mark; `what` is named in errors.

    Raises ParseError: as `seem_text`, and `not_well_formed` (not UTF-8) with the line.
    """
    seem_text(data, what)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(error, data.count(b"\n", 0, error.start) + 1) from None


def seem_text(data: bytes, what: str) -> None:
    """Refuse what is no document of text, as far as that is seen without decoding it; `what` is named in errors.

    Raises ParseError: `empty`, `not_expected_format` (a web page or XML was served), `not_well_formed` (a NUL) with the
    line.
    """
    head = data[:_HEAD].decode("utf-8-sig", "replace")
    if not head.strip():
        head = data.decode("utf-8-sig", "replace")
    if not head.strip():
        raise ParseError("empty", "the document is empty")
    if _MARKUP.match(head):
        raise ParseError("not_expected_format", f"a web page or XML was served in place of {what}", line=1)
    if (at := data.find(b"\0")) >= 0:
        raise ParseError("not_well_formed", "a NUL in the text", line=data.count(b"\n", 0, at) + 1)


def not_utf8(error: UnicodeDecodeError, line: int) -> ParseError:
    """Return what is said of bytes that cannot be decoded."""
    return ParseError("not_well_formed", f"not UTF-8: {error.reason}", line=line)


def bounded(rows: int, line: int | Callable[[], int] | None, width: int = 1, *, at_once: bool = True) -> None:
    """Raise ParseError `too_large` once there are more rows, or cells in them, than any registry has.

    `line` may be asked for, where counting it is worth it only then. `at_once` says that all rows are parsed before
    the first is made one.
    """
    most, cells = (MAX_ROWS_AT_ONCE, MAX_CELLS_AT_ONCE) if at_once else (MAX_ROWS, MAX_CELLS)
    if rows > most or rows * width > cells:
        where = line() if callable(line) else line
        raise ParseError("too_large", f"more than {most} rows or {cells} cells", line=where)


def unfinished(data: bytes) -> tuple[Problem, ...]:
    """Say that a document ends inside a line: nothing else shows that a table was cut in its last cell."""
    if ends_with_a_line(data):
        return ()
    return (Problem(code="unfinished", message="the last line has no end: it may have been cut", line=None),)


def ends_with_a_line(data: bytes) -> bool:
    return data.endswith((b"\n", b"\r"))


def fold(text: str | None) -> str:
    """Fold every run of white space to one space and strip the ends."""
    return " ".join(text.split()) if text else ""
