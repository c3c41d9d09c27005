"""IANA's XML vocabulary, the format with the most information: every registry group is published in it."""

from __future__ import annotations

from watcher.core.patterns import regex

NAMESPACE = "http://www.iana.org/assignments"
_ROOT_ID = regex(rb"""<registry\b[^<>]*\sid=["']([A-Za-z0-9._-]+)["']""")


def document_id(data: bytes) -> str:
    """Return the id of the root element, read from the first bytes; "" if they have none."""
    match = _ROOT_ID.search(data, 0, 4096)
    return match[1].decode("ascii") if match else ""
