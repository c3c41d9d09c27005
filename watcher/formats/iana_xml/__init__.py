"""IANA's XML vocabulary, the format with the most information: every registry group is published in it."""

from __future__ import annotations

from watcher.core.patterns import regex
from watcher.core.times import is_date

NAMESPACE = "http://www.iana.org/assignments"
_HEAD = 8192  # bytes
_UPDATED = regex(rb"<updated>\s*([0-9]{4}-[0-9]{2}-[0-9]{2})\s*</updated>")
_OTHER = regex(rb"<(record|registry|people|!)")  # behind the root, the date may be that of another element
_ROOT_ID = regex(rb"""<registry\b[^<>]*\sid=["']([A-Za-z0-9._-]+)["']""")


def document_id(data: bytes) -> str:
    """Return the id of the root element, read from the first bytes; "" if they have none."""
    match = _ROOT_ID.search(data, 0, 4096)
    return match[1].decode("ascii") if match else ""


def published_date(data: bytes) -> str | None:
    """Return the date of the root element, read from the first bytes; None if it is not plainly there."""
    head = data[:_HEAD]
    root = head.find(b"<registry")
    if root < 0 or b"<!" in head[:root]:
        return None
    other = _OTHER.search(head, root + 1)
    match = _UPDATED.search(head, root, other.start() if other else len(head))
    day = match[1].decode("ascii") if match else ""
    return day if is_date(day) else None
