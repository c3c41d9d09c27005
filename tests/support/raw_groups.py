"""Registry groups as bytes: rows found with regular expressions, compared as sets of words. Knows no product."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

_PART = re.compile(rb"(<registry[^>]*>|</registry>|<record.*?</record>|<people.*?</people>)", re.DOTALL)
_ID = re.compile(rb'.*?\bid="([^"]*)".*', re.DOTALL)
_REFERENCE = re.compile(rb'<xref[^>]*?data="([^"]*)"[^>]*?>')
_TAG = re.compile(rb"<[^>]*>|&\w+;")
_FIRST = re.compile(rb">\s*<\w+[^>]*>([^<]+)<")
_WORD = re.compile(r"[a-z0-9]+")

Row = tuple[bytes, bytes]  # the id of its registry, its element


def split_document(data: bytes) -> Iterator[Row]:
    """Yield (id of the registry, bytes) for every row, and for what is between rows."""
    registries: list[bytes] = []
    for part in _PART.split(data):
        if part.startswith(b"<registry"):
            registries.append(_ID.sub(rb"\1", part))
        yield registries[-1] if registries and not part.startswith(b"<people") else b"", part
        if part.startswith(b"</registry"):
            registries.pop()


def is_row(part: bytes) -> bool:
    """Return whether a part of a document is a row."""
    return part.startswith(b"<record")


def count_rows(parts: Iterable[Row]) -> Counter[Row]:
    return Counter(row for row in parts if is_row(row[1]))


def first_text(element: bytes) -> bytes:
    """Return the text of the first cell of a row."""
    match = _FIRST.search(element)
    return b" ".join(match[1].split()) if match else b""


def row_words(element: bytes) -> frozenset[str]:
    """Return the words of a row, those of its references included."""
    text = _TAG.sub(b" ", _REFERENCE.sub(rb" \1 ", element)).decode("utf-8", "replace")
    return words(text)


def words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of the words that are in both (Jaccard)."""
    return len(one & other) / len(one | other) if one or other else 0.0
