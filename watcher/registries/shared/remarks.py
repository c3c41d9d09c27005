"""The facts that a registry writes behind a name: early allocations with their dates, retirement, footnote marks.

An early allocation (RFC 7120) is a row that says TEMPORARY, with dates: "(TEMPORARY - registered 2022-03-23, extension
registered 2023-02-13, expires 2024-03-23)". IANA types these remarks by hand: "extended", "exprires", line breaks, a
full stop, no brackets, a document "sent to IESG Evaluation" in place of the expiry. A remark is a fact about the entry
and no part of its name. Facts are derived from the fields when they are asked for; no field holds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import asdict, replace

from watcher.core.patterns import regex
from watcher.core.times import is_date

_DAY = r"\d{4}-\d{2}-\d{2}"
_WORD = r"(?:registered|extension(?:\s+registered)?|extended|ex\w*res|document\s+sent\s+to\s+[\w ]{1,60}?)"
_STEP = rf"{_WORD}\s*:?\s+(?:on\s+)?{_DAY}"
_TEMPORARY = regex(
    rf"\(?(?:(?<!\s)\s+)?\btemporary\b\s*(?:[-\u2013\u2014:,]\s*)?(?P<steps>{_STEP}(?:\s*[,;.]\s*{_STEP})*)\s*\.?\s*\)?",
    re.IGNORECASE,
)
_BARE_TEMPORARY = regex(r"\(\s*TEMPORARY\s*\)|[-\u2013]\s*TEMPORARY\s*$")  # without dates only in capitals
_EACH_STEP = regex(rf"(?P<word>registered|exten|ex\w*res|document)[^,;]*?(?P<day>{_DAY})", re.IGNORECASE)
_RETIRED = regex(
    r"(?:(?<!\s)\s+)?(?:\((?P<inside>(?:deprecat|obsolet|historic|removed|retired)[^()]*)\)"
    r"|\s[-\u2013]\s*(?P<after>(?:DEPRECATED|OBSOLETED?|HISTORIC)\b.*))\s*$",
    re.IGNORECASE | re.DOTALL,
)
_FOOTNOTE = regex(r"(?:(?<!\s)\s+)?\[(\d{1,2})\]\s*$")
_LONGEST_NAME = 120  # characters, with its remarks; a longer text is prose, and brackets at its end are no remark
_NO_NAMES = frozenset({"references", "registered", "modified"})
_APPROVED = regex(r"\[RFC-|\[RFC\d", re.IGNORECASE)  # an RFC, or a draft in the RFC editor's queue


class EntryFacts(Struct, frozen=True, kw_only=True):
    """The facts in the texts of one entry; "" for what they do not say.

    `temporary_since`, `extended` and `temporary_until` are the days (`YYYY-MM-DD`) on which an early allocation was
    registered and last extended, and until which it counts. `in_evaluation` is the day on which its document was sent
    to the IESG; it has no end then. `remark` is another text in brackets: "deprecated", "OBSOLETE - use MX".
    `footnotes` are marks, separated by commas.
    """

    temporary: bool = False
    temporary_since: str = ""
    extended: str = ""
    temporary_until: str = ""
    in_evaluation: str = ""
    remark: str = ""
    footnotes: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the facts that are not empty."""
        return {name: text for name, text in asdict(self).items() if text and name != "temporary"} | (
            {"temporary": "yes"} if self.temporary else {}
        )


NO_FACTS = EntryFacts()


def read_facts(fields: Mapping[str, str]) -> EntryFacts:
    """Return the facts in the texts of a row: an early allocation from any column, the rest from names."""
    facts = NO_FACTS
    for column, text in fields.items():
        if text and ":" not in column:
            facts_of_cell = read_text(text) if len(text) <= _LONGEST_NAME else read_allocation(text)
            if column in _NO_NAMES:
                facts_of_cell = replace(facts_of_cell, remark="", footnotes="")
            facts = _join(facts, facts_of_cell)
    return facts


def read_allocation(text: str) -> EntryFacts:
    """Return the facts of an early allocation alone, in a text of any length."""
    if _may_be_temporary(text):
        folded = _fold_space(text)
        if (remark := _TEMPORARY.search(folded)) is not None:
            return _read_steps(remark["steps"])
        if _BARE_TEMPORARY.search(folded):
            return EntryFacts(temporary=True)
    return NO_FACTS


@lru_cache(maxsize=8192)  # the same rows occur in every release
def read_text(text: str) -> EntryFacts:
    """Return the facts in a name."""
    facts = read_allocation(text)
    text = strip_temporary(text)
    footnotes: list[str] = []
    while (mark := _FOOTNOTE.search(text)) is not None:
        footnotes.insert(0, mark[1])
        text = text[: mark.start()]
    if (retired := _RETIRED.search(text)) is not None and retired.start() > 0:
        facts = replace(facts, remark=" ".join((retired["inside"] or retired["after"]).split()))
    return replace(facts, footnotes=", ".join(footnotes)) if footnotes and text else facts


def is_temporary(fields: Mapping[str, str]) -> bool:
    """Return whether a row is an early allocation."""
    return any(
        _may_be_temporary(text) and read_allocation(text).temporary
        for column, text in fields.items()
        if ":" not in column
    )


def strip_temporary(text: str) -> str:
    """Return a text without its remark about an early allocation; a text that is nothing else becomes ""."""
    if not _may_be_temporary(text):
        return text
    text = _fold_space(text)
    for pattern in (_TEMPORARY, _BARE_TEMPORARY):
        text = pattern.sub(" ", text)
    return _fold_space(text)


def _fold_space(text: str) -> str:
    return " ".join(text.split())


def strip_last(brackets: re.Pattern[str], text: str) -> str:
    """Return a text without the brackets at its end, however many; a text that is nothing else keeps the first."""
    if not text.rstrip().endswith((")", "]", "}")):
        return text
    end, shorter = len(text.rstrip()), text
    for match in reversed([*brackets.finditer(text)]):
        if match.end() != end:
            break
        end = match.start()
        while end and text[end - 1].isspace():
            end -= 1
        if not end:
            break
        shorter = text[:end]
    return shorter


def strip_remarks(text: str) -> str:
    """Return a name without remarks and footnote marks; "(deprecated)" alone stays as it is."""
    text = strip_temporary(text) or text
    while len(text) <= _LONGEST_NAME and (mark := _FOOTNOTE.search(text) or _RETIRED.search(text)) and mark.start() > 0:
        text = text[: mark.start()]
    return text


def _may_be_temporary(text: str) -> bool:
    """Return whether the word is in a text, in a tenth of the time that the pattern takes."""
    return "EMPORARY" in text or "emporary" in text


def is_approved(references: str) -> bool:
    """Return whether references name an approved document: an RFC, or a draft in the RFC editor's queue."""
    return _APPROVED.search(references) is not None


def _read_steps(steps: str) -> EntryFacts:
    facts = EntryFacts(temporary=True)
    for step in _EACH_STEP.finditer(steps):
        word, day = step["word"].lower(), _real_day(step["day"])
        if word == "registered":
            facts = replace(facts, temporary_since=day)
        elif word.startswith("exten"):
            facts = replace(facts, extended=day)
        elif word == "document":
            facts = replace(facts, in_evaluation=day)
        else:
            facts = replace(facts, temporary_until=day)
    return facts


def _real_day(text: str) -> str:
    """Return a day, or "" if it does not exist (`2023-02-30`)."""
    return text if is_date(text) else ""


def _join(one: EntryFacts, other: EntryFacts) -> EntryFacts:
    """Return the facts of both; for the early allocation and the remark, the first that has one wins."""
    if other == NO_FACTS:
        return one
    if one == NO_FACTS:
        return other
    marks = list(dict.fromkeys(filter(None, (*one.footnotes.split(", "), *other.footnotes.split(", ")))))
    base = one if one.temporary else other
    return replace(base, remark=one.remark or other.remark, footnotes=", ".join(marks))
