"""The documents that entries refer to: RFCs and Internet-Drafts, each under one name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from watcher.core.model import MARKUP, Fields
from watcher.core.patterns import regex

# A draft in the RFC editor's queue is printed as [RFC-ietf-…-NN] until it has a number. This pattern finds the names of
# documents in any text ("see RFC 2119, rfc-0791"), so that subscriptions and reports have one name for each. The
# pattern in registries/shared/references.py finds references as they are printed, with their sections, URLs and
# people, so that the rules can separate a changed reference from a changed text.
_MENTION = regex(r"\bRFC[- ]?0*(\d{1,5})\b|\b(?:draft|RFC)-([a-z][a-z0-9-]*)", re.IGNORECASE)
_VERSION = regex(r"-\d{2}$")
_RFC = regex(r"(?:RFC[- ]?)?0*(\d{1,5})", re.IGNORECASE)
_REFERENCE_COLUMNS = regex(r"reference|\brefs?\b|spec|rfc|document|defin", re.IGNORECASE)


def find_documents(text: str) -> Iterator[str]:
    """Yield the names of the documents in a text: `rfc9350`, or a draft without its version."""
    for number, draft in _MENTION.findall(text):
        yield f"rfc{number}" if number else f"draft-{_VERSION.sub('', draft.lower().rstrip('-'))}"


def referenced_documents(fields: Fields) -> set[str]:
    """Return the names of the documents that an item refers to in its columns of references."""
    return {
        document
        for column, text in fields.items()
        if text and _REFERENCE_COLUMNS.search(column) and not column.startswith(MARKUP)
        for document in find_documents(text)
    }


def parse_rfc(text: str) -> str:
    """Return the name of an RFC by its number: `9350`, `RFC9350`, `rfc 9350`. Raises ValueError."""
    match = _RFC.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not the number of an RFC; write 9350 or RFC9350")
    return f"rfc{match[1]}"


def parse_draft(text: str) -> str:
    """Return the name of a draft, with or without its version. Raises ValueError."""
    names = list(find_documents(text.strip()))
    if len(names) != 1 or not names[0].startswith("draft-"):
        raise ValueError(f"{text!r} is not the name of a draft; write draft-ietf-lsr-flex-algo")
    return names[0]


def parse_document(text: str) -> str:
    """Return the name of an RFC (`9350`, `RFC9350`) or of a draft. Raises ValueError."""
    try:
        return parse_rfc(text)
    except ValueError:
        return parse_draft(text)


def format_document(name: str) -> str:
    """Return the name of a document as people write it: `RFC 9350`."""
    return f"RFC {name.removeprefix('rfc')}" if name.startswith("rfc") else name
