"""Where references lead: the RFC editor, the IETF's datatracker, IANA's pages, URLs."""

from __future__ import annotations

import re

from watcher.core.event_details import Link
from watcher.core.patterns import regex
from watcher.registries.shared.references import document_of, find_references

_RFC = regex(r"RFC ?0*(\d+)\b")
_SERIES = regex(r"(BCP|STD|FYI) ?0*(\d+)\b")
_SECTION = regex(r"\b(Section|Appendix) ([A-Z]?[\w.]*\w)")
_ERRATUM = regex(r"(?:RFC )?(?:Errata |errata )?(\d{4,5})")
_DRAFT = regex(r"(?:draft|RFC)-([a-z][a-z0-9-]*)")
_URL = regex(r"https?://[^\s<>\"\\]+", re.IGNORECASE)
_FOOTNOTE = regex(r"\[\d{1,3}\]")
_GROUP = regex(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RFC_EDITOR, _DATATRACKER = "https://www.rfc-editor.org", "https://datatracker.ietf.org"


def list_references(text: str) -> list[Link]:
    """Return the references in a text as printed, each with its URL; footnotes are none."""
    references = find_references(text)
    printed = dict.fromkeys(reference.strip() for reference in references if not _FOOTNOTE.fullmatch(reference))
    return [Link(text=reference, url=link_reference(reference)) for reference in printed]


def is_all_references(text: str) -> bool:
    """Return whether a text has nothing but references and names in brackets."""
    rest = text
    for reference in find_references(text):
        rest = rest.replace(reference, " ", 1)
    return not re.sub(r"\[[^\[\]]*\]|[\s,;]", "", rest)


def link_reference(reference: str) -> str:
    """Return the URL of a reference as printed: `[RFC9999, Section 2]`, `[draft-ietf-toy-03]`, `[4924]`; else ""."""
    text = reference.strip("[] ,")
    if match := _RFC.match(text):
        section = _SECTION.search(reference)
        anchor = f"#{section[1].lower()}-{section[2]}" if section else ""
        return f"{_RFC_EDITOR}/rfc/rfc{match[1]}{anchor}"
    if match := _SERIES.match(text):
        return f"{_RFC_EDITOR}/info/{match[1].lower()}{match[2]}"
    if _DRAFT.match(text) and (match := _DRAFT.fullmatch(document_of(reference))):
        return f"{_DATATRACKER}/doc/draft-{match[1]}/"
    if match := _ERRATUM.fullmatch(text):
        return f"{_RFC_EDITOR}/errata/eid{match[1]}"
    return text if _URL.fullmatch(text) else ""


def link_registry(document: str, path: str) -> str:
    """Return IANA's page of a registry group, at the registry with this path; "" for the id of no group."""
    if not _GROUP.fullmatch(document):
        return ""
    anchor = path.rpartition("/")[2]
    page = f"https://www.iana.org/assignments/{document}/{document}.xhtml"
    return f"{page}#{anchor}" if _GROUP.fullmatch(anchor) else page
