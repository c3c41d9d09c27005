"""The status of a row, read from its own words: the one set of patterns for all registries.

A row without an owner says so: "Unassigned", "Reserved", "Private Use", "Experimental" (RFC 8126 section 6). An entry
that is kept but no longer for use says so in a status column, in its name, in its description or in a note. A word only
counts where it states the entry's own status: not in "replaces the obsolete foo" or "for historical reasons".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from watcher.core.model import Status
from watcher.core.patterns import regex
from watcher.core.value_ranges import parse_ranges
from watcher.formats.base import CompactRow
from watcher.registries.shared.remarks import strip_temporary


class StatusReading(Struct, frozen=True):
    """A status, and the text it was read from ("" for the default, assigned)."""

    status: Status
    evidence: str = ""


_FREE = tuple(
    (status, regex(pattern, re.IGNORECASE | re.VERBOSE))
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
        # "(Unused)" keeps a value from being assigned; one registry has a typing error.
        (Status.RESERVED, r"\W* (rese?rved | unused | registry\s+closed) \b \W* | .* [_\ (-] reserved \)? $"),
    )
)
# A row without a name that is kept from being assigned, in all words that the port registry has used.
_WITHDRAWN = regex(r"\b(reserved|deprecated|removed|de-?(registered|assigned)|de-?com+iss?ioned)\b", re.IGNORECASE)
_RETIRED_WORDS = {
    "deprecated": Status.DEPRECATED,
    "historic": Status.HISTORIC,
    "historical": Status.HISTORIC,
    "obsolete": Status.OBSOLETE,
    "obsoleted": Status.OBSOLETE,
}
# "Historic usage was foo", "for historical reasons" say something about the past; "deprecated alias" about a name.
_RETIRED = regex(
    r"""(?<![^\W_]) (deprecated|historic(?:al)?|obsoleted?) (?![^\W_])
    (?! \s+ (?:usage|use|names?|entry|alias(?:es)?|data) \b )
    (?! (?<=historical) \s+ (?:reasons?|purposes?|interest|context|background) \b )""",
    re.IGNORECASE | re.VERBOSE,
)
# What comes before a word that is about something else ("replaces the obsolete foo") or is negated.
_ABOUT_OTHERS = regex(
    r"""\b (?: no\ longer | not | never | non | formerly | previously | was | were | replac\w+ | supersed\w+
    | obsolet(?:es|ing) | successor\ (?:to|of) | instead\ of | update\ (?:to|of) | version\ of | alternative\ to
    | support\ for | using | use\ of ) \s+
    (?: (?:the|an?|any|its|now|been|being|considered|yet) \s+ )* $""",
    re.IGNORECASE | re.VERBOSE,
)
_OUT_OF_USE = regex(r"\b(is|are) no longer in use\b", re.IGNORECASE)
# Every text that one of the patterns and words here matches has one of these: "rved" is in "reserved" and "resrved".
_WORDS = (
    *("private", "local", "site", "vendor", "experiment", "assigned", "allocated", "available", "rved", "unused"),
    *("closed", "deprecated", "historic", "obsolete", "terminated", "no longer in use"),
)
_ASSIGNED = StatusReading(Status.ASSIGNED)
_STATUS_COLUMNS = frozenset({"status", "state", "deprecated", "obsolete", "usage", "intended_usage", "class"})
_STATUS_COLUMN_WORDS = _RETIRED_WORDS | {"terminated": Status.OBSOLETE}
_NOTES = frozenset({"note", "notes", "comment", "comments", "remark", "remarks"})
_DATE = regex(r"\d{4}-\d{2}")
_YES = frozenset({"y", "yes", "true"})
FLAGS = frozenset({"y", "n", "d", "yes", "no", "true", "false", "-", "*"})
_BEFORE = 200  # characters before a word that can make it one about something else
_LONG = 120  # characters; a longer description is prose, and only its first word states a status


def read_status(fields: Mapping[str, str]) -> StatusReading:
    """Return the status that the columns of a row state; the caller leaves out dates and references."""
    return _read_words(fields) if may_have_status(fields) else _ASSIGNED


def may_have_status(fields: Mapping[str, str]) -> bool:
    """Return whether a row has a word without which it states no status: most rows have none."""
    values = fields.text if isinstance(fields, CompactRow) else "\n".join(fields.values())
    text = "\n".join([*fields, values])
    if not text.isascii():  # some characters are letters in another case to `re` alone
        return True
    text = text.lower()
    return any([word in text for word in _WORDS])  # noqa: C419 - a generator takes twice as long


def _read_words(fields: Mapping[str, str]) -> StatusReading:
    if free := _read_free(fields):
        return free
    for column, text in fields.items():
        if (status := read_retired(column, text)) is not None:
            return StatusReading(status, text)
    return _ASSIGNED


def read_nameless(text: str) -> Status:
    """Return the status of a row whose name is empty, by its description."""
    status = _match_free(text, whole=False)
    if status is Status.UNASSIGNED or (status is None and not _WITHDRAWN.search(text)):
        return status or Status.ASSIGNED
    return Status.RESERVED


def read_retired(column: str, text: str) -> Status | None:
    """Return the status that one cell of an assigned row states: deprecated, historic, obsolete; else None."""
    column = column.lower()
    if column in _STATUS_COLUMNS:
        word = re.split(r"[\s,;(\[]", text.strip().lower(), maxsplit=1)[0]
        if column in _STATUS_COLUMN_WORDS and (word in _YES or _DATE.match(word)):
            return _STATUS_COLUMN_WORDS[column]
        return _STATUS_COLUMN_WORDS.get(word)
    if column not in _NOTES and len(text) > _LONG:
        opening = _RETIRED.match(text.lstrip("(*[ "))
        return _RETIRED_WORDS[opening[1].lower()] if opening else None
    for match in _find_all(_RETIRED, text):
        if not _ABOUT_OTHERS.search(text, max(0, match.start() - _BEFORE), match.start()):
            return _RETIRED_WORDS[match[1].lower()]
    return Status.OBSOLETE if column in _NOTES and _OUT_OF_USE.search(text) else None


def _find_all(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield what `finditer` does, which leaks memory in Python 3.11 for each text with a match."""
    position = 0
    while (match := pattern.search(text, position)) is not None:
        yield match
        position = match.end()


def _read_free(fields: Mapping[str, str]) -> StatusReading | None:
    """Read a free row by its name, or else by a last cell that is nothing but the status.

    A type that has a name and whose value 0 is "Unassigned" is free; one that is "Unassigned" for IPv4 and named for
    IPv6 is not.
    """
    cells = [(column, text) for column, text in fields.items() if _may_state_status(column, text)]
    names = (text for wanted in ("name", "description") for column, text in cells if column.lower() == wanted)
    name = next(names, cells[0][1] if len(cells) == 1 else "")
    if name or not cells:
        status = _match_free(name, whole=False)
        return StatusReading(status, name) if status else None
    column, last = cells[-1]
    status = _match_free(strip_temporary(last), whole=True)
    # "Experimental" in a status column is the maturity of the specification; the entry is in use.
    if status is None or (status is Status.EXPERIMENTAL and column.lower() in _STATUS_COLUMNS):
        return None
    return StatusReading(status, last)


def _may_state_status(column: str, text: str) -> bool:
    """Return whether a cell can name the owner of a value: it is not the value, a number, a flag or a note."""
    excluded = column == "value" or column in _NOTES or text.lower() in FLAGS
    return bool(text) and not excluded and not parse_ranges(text)


def _match_free(text: str, *, whole: bool) -> Status | None:
    for status, pattern in _FREE:
        if pattern.fullmatch(text) if whole else pattern.match(text):
            return status
    return None
