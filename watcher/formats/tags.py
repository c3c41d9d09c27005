"""Refuse a tag with more attributes than any document has, before a parser sees it.

libxml2 compares each attribute of an element with all others: 200,000 of them, in 2 MB, keep it busy for minutes.
"""

from __future__ import annotations

import re

from watcher.core.errors import ParseError

MAX_ATTRIBUTES = 1_000
_LONG = re.compile(rb"<[^<]{16384}")
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
# A name, a value in quotes, an equals sign: every attribute is one to three of these, whatever stands between them.
_MANY = re.compile(
    rb"<[A-Za-z_:\x80-\xff](?:[\s/]*+(?:[^\s>\"'/=]++|=|\"[^\"]*+\"|'[^']*+')){%d}" % (3 * MAX_ATTRIBUTES + 1)
)


def refuse_crowds_in_xml(data: bytes) -> None:
    """Raise ParseError `too_large` where an element of a well-formed document has thousands of attributes."""
    # XML has no bare `<` in a value, so that a crowd is a long way without one: that is seen fast.
    if (encoding := _UTF16.get(data[:2])) is not None:
        data = data.decode(encoding, "replace").encode()
    if _LONG.search(data):
        refuse_crowds(data)


def refuse_crowds(data: bytes) -> None:
    """The same for any markup with ASCII's characters, well-formed or not."""
    if found := _MANY.search(data):
        line = data.count(b"\n", 0, found.start()) + 1
        raise ParseError("too_large", f"an element with more than {MAX_ATTRIBUTES} attributes", line=line)
