"""References as IANA prints them: "[RFC6335]", "[RFC9999, Section 2]", "[draft-ietf-toy-03]", "[RFC-ietf-toy-03]"."""

from __future__ import annotations

import re

# A draft in the RFC editor's queue is printed as [RFC-ietf-…] until it has a number.
_DRAFT = re.compile(r"\[(?:draft-|RFC-)[^\]]*\]")
_RFC = re.compile(r"\[RFC(\d+)\b")


def became_rfc(before: str, after: str) -> bool:
    """Whether a draft is no longer referenced and an RFC is that was not before, whatever section of it."""
    removed_drafts = {*_DRAFT.findall(before)} - {*_DRAFT.findall(after)}
    return bool(removed_drafts and {*_RFC.findall(after)} - {*_RFC.findall(before)})
