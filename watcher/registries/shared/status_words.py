"""What a row of any registry says that it is, in the words IANA's tables use for it. Knows no registry.

A row without an owner says so in its own words: "Unassigned", "Reserved", "Private Use", "Experimental" (RFC 8126
section 6). One that is kept and no longer for use says so in a status column, behind its name, or in a note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from watcher.core.model import Status
from watcher.registries.shared.searching import matches
from watcher.registries.shared.value_ranges import spans


class StatusReading(NamedTuple):
    """A status and the text it was read from, "" where nothing was said."""

    status: Status
    evidence: str = ""


_SPACE = tuple(
    (status, re.compile(pattern, re.IGNORECASE | re.VERBOSE))
    for status, pattern in (
        (
            Status.PRIVATE_USE,
            r"\W* (reserved\s+(for|to)\s+ | for\s+)? (private|local|site|vendor) ([- ]?\w+)? [- ]use \b",
        ),
        (Status.EXPERIMENTAL, r"\W* (reserved\s+for\s+ | for\s+)? experiment (s|al|ation)? \b"),
        (
            Status.UNASSIGNED,
            r"""\W* ( (removed\s*/\s*)? un-?assigned | un-?allocated | not\s+(yet\s+)?(assigned|allocated)
            | available(\s+for\s+\w+)? | to\s+be\s+assigned ) \b""",
        ),
        # "(Unused)" keeps a value from being given away; one registry has a typing error.
        (Status.RESERVED, r"\W* (rese?rved | unused) \b \W* | .* [_\ (-] reserved \)? $"),
    )
)
_WORD = {
    "deprecated": Status.DEPRECATED,
    "historic": Status.HISTORIC,
    "historical": Status.HISTORIC,
    "obsolete": Status.OBSOLETE,
    "obsoleted": Status.OBSOLETE,
    "terminated": Status.OBSOLETE,
}
_RETIRED = re.compile(
    r"\b (deprecated|historic(?:al)?|obsoleted?) \b (?!\s+(?:usage|use|names?|entry|alias(?:es)?|data)\b)",
    re.IGNORECASE | re.VERBOSE,
)
# "replaces the obsolete foo" speaks of another, "no longer historic" takes it back.
_OTHERS = re.compile(
    r"\b(no longer|not|never|non|formerly|previously|was|were|replac\w+|supersed\w+|obsolet(es|ing)"
    r"|successor (to|of)|instead of|update (to|of)|version of|alternative to|support for|using|use of)\s+"
    r"((the|an?|any|its|now|been|being|considered|yet)\s+)*$",
    re.IGNORECASE,
)
_STATUS_COLUMNS = frozenset({"status", "state", "deprecated", "obsolete", "usage", "intended_usage", "class"})
_NOTES = frozenset({"note", "notes", "comment", "comments", "remark", "remarks"})
_DATE = re.compile(r"\d{4}-\d{2}")
_YES = frozenset({"y", "yes", "true"})
_LONG = 120
_FLAGS = frozenset({"y", "n", "d", "yes", "no", "true", "false", "-", "*"})


def read_status(fields: Mapping[str, str]) -> StatusReading:
    """Return what a row's columns say; dates and references are left out by the caller."""
    if free := _free(fields):
        return free
    for name, text in fields.items():
        if (found := _retired(name, text)) is not None:
            return StatusReading(found, text)
    return StatusReading(Status.ASSIGNED)


def _free(fields: Mapping[str, str]) -> StatusReading | None:
    """What a row says that nobody has: by what it is called, or by a whole cell that comes last.

    A type that has a name and whose value 0 is "Unassigned" is free; one that is "Unassigned" for IPv4 and named for
    IPv6 is not.
    """
    texts = [(name, text) for name, text in fields.items() if _tells(name, text)]
    called = next((text for wanted in ("name", "description") for name, text in texts if name.lower() == wanted), "")
    if not called and len(texts) == 1:
        called = texts[0][1]
    if called or not texts:
        return _matching(called, whole=False)
    column, last = texts[-1]
    found = _matching(last, whole=True)
    # A specification can be experimental; its entry is in use.
    maturity = column.lower() in _STATUS_COLUMNS and found and found.status is Status.EXPERIMENTAL
    return None if maturity else found


def _tells(name: str, text: str) -> bool:
    """Whether a cell says what has the value: not the value itself, a number, a flag or a remark."""
    return bool(text) and name != "value" and name not in _NOTES and text.lower() not in _FLAGS and not spans(text)


def _matching(text: str, *, whole: bool) -> StatusReading | None:
    for status, words in _SPACE:
        if words.fullmatch(text) if whole else words.match(text):
            return StatusReading(status, text)
    return None


def _retired(name: str, text: str) -> Status | None:
    column = name.lower()
    if column in _STATUS_COLUMNS:
        word = re.split(r"[\s,;(\[]", text.strip().lower(), maxsplit=1)[0]
        if column in _WORD and (word in _YES or _DATE.match(word)):
            return _WORD[column]
        if word in _WORD:
            return _WORD[word]
        return None
    if column in _NOTES or len(text) <= _LONG:
        for found in matches(_RETIRED, text):
            if not _OTHERS.search(text[: found.start()]):
                return _WORD[found[1].lower()]
        return None
    # A long description retires its row only where it begins with the word.
    opening = _RETIRED.match(text.lstrip("(*[ "))
    return _WORD[opening[1].lower()] if opening else None
