"""Decode text formats strictly, and refuse other documents and excessive sizes. Knows no format's syntax."""

from __future__ import annotations

import re
from codecs import lookup

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.core.patterns import regex
from watcher.core.tables import Layout

# The largest published registries have about 100,000 rows. The limits bound the memory that a hostile document can
# cost: a row takes about 500 bytes and a cell 40 more, or several times as much if the whole document is parsed first.
MAX_ROWS = 1_200_000
MAX_CELLS = 25_000_000
MAX_ROWS_AT_ONCE = 500_000
MAX_CELLS_AT_ONCE = 10_000_000
MAX_FIELDS = 1_000
MAX_FIELD = 2**21  # characters

# A table may begin with "<" (`<alert-category>/<alert-identifier>,…`), so only clear signs of markup count.
_HEAD = 4096  # bytes
_MARKUP = regex(
    r"\s*<(?:\?xml\s|!doctype\s|!--|(?:html|head|body|title|meta|script|center|h1|p)[\s>]"
    r"|[a-z][\w:.-]*\s[^<>]*xmlns)",
    re.IGNORECASE,
)
_JSON = regex(r"\s*(?:\{\s*[\"}]|\[\s*[{\"])")  # no first cell of a table begins like this
_POINTER = "version https://git-lfs.github.com/spec/"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def to_utf8(data: bytes, layout: Layout) -> bytes:
    """Return a text in the encoding of a layout as UTF-8. Raises ParseError `not_well_formed`.

    Where the layout says UTF-16 without a byte order, a text without a byte order mark is UTF-8: a publisher who
    changes the encoding leaves releases in both.
    """
    if not layout.encoding or (lookup(layout.encoding).name == "utf-16" and not data.startswith(_UTF16)):
        return data
    try:
        return data.decode(layout.encoding).encode()
    except UnicodeError as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        reason = getattr(error, "reason", None) or error
        raise ParseError("not_well_formed", f"not {layout.encoding}: {reason}", line=line) from None


def decode(data: bytes, document_name: str) -> str:
    """Return a UTF-8 text. Raises ParseError as `check_is_text`, or `not_well_formed` if it is not UTF-8."""
    check_is_text(data, document_name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(error, data.count(b"\n", 0, error.start) + 1) from None


def check_is_text(data: bytes, document_name: str, *, json: bool = False) -> None:
    """Refuse what is clearly another document, without decoding it; messages call it `document_name`.

    `json` refuses JSON too.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`.
    """
    head = data[:_HEAD].decode("utf-8-sig", "replace")
    if not head.strip():
        head = data.decode("utf-8-sig", "replace")
    if not head.strip():
        raise ParseError("empty", "the document is empty")
    if _MARKUP.match(head):
        raise ParseError("not_expected_format", f"a web page or XML was served in place of {document_name}", line=1)
    if head.startswith(_POINTER):
        raise ParseError("not_expected_format", f"a Git LFS pointer was served in place of {document_name}", line=1)
    if json and _JSON.match(head):
        raise ParseError("not_expected_format", f"JSON was served in place of {document_name}", line=1)
    if (at := data.find(b"\0")) >= 0:
        hint = '; is it UTF-16? then set encoding = "utf-16"' if data.startswith(_UTF16) else ""
        raise ParseError("not_well_formed", f"a NUL in the text{hint}", line=data.count(b"\n", 0, at) + 1)


def not_utf8(error: UnicodeDecodeError, line: int) -> ParseError:
    return ParseError("not_well_formed", f"not UTF-8: {error.reason}; set encoding if it has another", line=line)


def check_size(rows: int, line: int | None, width: int = 1, *, at_once: bool = True) -> None:
    """Raise ParseError `too_large` for more than any registry has; `at_once`: all is parsed before the first row."""
    most_rows, most_cells = (MAX_ROWS_AT_ONCE, MAX_CELLS_AT_ONCE) if at_once else (MAX_ROWS, MAX_CELLS)
    if rows > most_rows or rows * width > most_cells:
        raise ParseError("too_large", f"more than {most_rows} rows or {most_cells} cells", line=line)


def most_rows(width: int) -> int:
    """Return how many rows of `width` cells `check_size` allows if they are not all parsed at once."""
    return min(MAX_ROWS, MAX_CELLS // max(width, 1))


def check_last_line(data: bytes) -> tuple[Problem, ...]:
    """Report a document that ends without a line break: only this shows that a table was cut in its last cell."""
    if ends_with_line_break(data):
        return ()
    return (Problem(code="unfinished", message="the last line has no end: it may have been cut", line=None),)


def ends_with_line_break(data: bytes) -> bool:
    return data.endswith((b"\n", b"\r"))


def fold(text: str | None) -> str:
    """Fold every run of white space to one space and strip the ends."""
    return " ".join(text.split()) if text else ""
