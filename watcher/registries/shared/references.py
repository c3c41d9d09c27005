"""References as IANA prints them: "[RFC6335]", "[RFC9999, Section 2]", "[draft-ietf-toy-03]", "[RFC-ietf-toy-03]".

A draft in the RFC editor's queue is approved and printed as [RFC-ietf-…] until it has a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from watcher.core.patterns import regex
from watcher.core.texts import cache_short

# In brackets, or bare: some columns print "RFC-ietf-toy-03, Section 5.1". core/documents.py says why it has another.
_REFERENCE = regex(
    r"""\[ (?: RFC | draft- | https?: | [A-Z0-9] ) [^\[\]]* \] (?: , \s* (?:Sections?|Appendix) \s [\w.]+ )?
    | \b (?: RFC\ ?\d+ | RFC-[a-z][\w-]+ | draft-[a-z][\w-]+ ) \b (?: , \s* (?:Section|Appendix) \s [\w.]+ )?""",
    re.VERBOSE,
)
_SECTION = regex(r",?(?:(?<!\s)\s+)?\b(?:Sections?|Appendix)\s+[\w.]+")
_VERSION = regex(r"-\d\d$")
_RFC = regex(r"RFC ?\d+$")
_APPROVED = regex(r"RFC-[a-z]")
_ERRATUM = regex(r"\[\d{4,5}\]")  # IANA prints the number of an erratum alone; footnotes have up to three digits
_PERSON = regex(r"\[[A-Z][\w.'-]*_[\w.'-]+\]")


def find_references(text: str) -> list[str]:
    """Return the references in a text as printed, in their order."""
    return _REFERENCE.findall(text) if "[" in text or "RFC" in text or "draft-" in text else []


@cache_short(4096)
def document_of(reference: str) -> str:
    """Return the document of a reference, without section and version of a draft."""
    text = reference.strip("[] ,")
    if text.startswith(("RFC", "draft-")):
        text = text.partition(",")[0].rstrip("] ").replace("RFC ", "RFC")
    return _VERSION.sub("", text) if text.startswith(("draft-", "RFC-")) else text


def documents(references: Iterable[str]) -> frozenset[str]:
    return frozenset(map(document_of, references))


def is_only_references(before: str, after: str) -> bool:
    """Return whether two texts differ in their references and in nothing else."""
    return find_references(before) != find_references(after) and _strip(before) == _strip(after)


def _strip(text: str) -> str:
    return " ".join(_REFERENCE.sub(" ", text).replace(",", " ").split())


def changed_references(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the references that a text lost and gained, as printed."""
    old, new = ({_strip_marks(reference): reference for reference in find_references(text)} for text in (before, after))
    lost = [reference for words, reference in old.items() if words not in new]
    gained = [reference for words, reference in new.items() if words not in old]
    return lost, gained


def _strip_marks(reference: str) -> str:
    """Return a reference without punctuation: `[RFC5545], Section 3.4` is `[RFC5545, Section 3.4]`."""
    return " ".join(re.findall(r"[^\s\[\],]+", reference))


def reference_event(before: str, after: str) -> str:
    """Return the event of references that changed from one text to another."""
    removed, added = changed_references(before, after)
    lost, gained = documents(removed) - documents(added), documents(added) - documents(removed)
    if any(name.startswith(("draft-", "RFC-")) for name in lost) and any(map(_RFC.match, gained)):
        return "reference-published"
    if any(name.startswith("draft-") for name in lost) and any(map(_APPROVED.match, gained)):
        return "reference-approved"
    if not removed and added and all(map(_ERRATUM.fullmatch, added)):
        return "erratum-added"
    if removed and added and all(map(_PERSON.fullmatch, (*removed, *added))):
        return "contact-changed"
    return "reference-changed"


def adds_erratum(before: str, after: str) -> bool:
    return any(map(_ERRATUM.fullmatch, changed_references(before, after)[1]))


def describe_references(differences: Sequence[tuple[Sequence[str], Sequence[str]]], most: int = 3) -> str:
    """Return "references OLD → NEW" or "reference NEW added"; a reference in several differences is named once."""
    removed, added = ([pair[side] for pair in differences] for side in (0, 1))
    old, new = _join(removed, most), _join(added, most)
    if old and new:
        return f"references {old} → {new}"
    return f"reference {new} added" if new else f"reference {old} removed"


def _join(lists: Sequence[Sequence[str]], most: int) -> str:
    """Join references; those of one document with several sections or versions become one."""
    forms: dict[str, dict[str, None]] = {}
    for reference in (reference for references in lists for reference in references):
        forms.setdefault(document_of(reference), {})[reference] = None
    shown = [next(iter(texts)) if len(texts) == 1 else _merge(list(texts)) for texts in forms.values()]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    # References in brackets follow each other without a space.
    return "".join(text if text.startswith("[") else f" {text}" for text in shown[:most]).strip() + more


def _merge(references: Sequence[str]) -> str:
    """Return "[RFC7231, Section N]" for several sections, and the newest of several versions."""
    bare = {_SECTION.sub("", reference).strip("[] ,") for reference in references}
    section = ", Section N" if any(map(_SECTION.search, references)) else ""
    return f"[{max(bare)}{section}]"
