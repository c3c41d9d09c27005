"""Differences of two texts: in notation alone, or in words."""

from __future__ import annotations

import re
import unicodedata

from watcher.core.patterns import regex
from watcher.core.sequences import Hunk, compare_sequences
from watcher.core.texts import cache_short

_URL = regex(r"\bhttps?://([^\s/\]]+)", re.IGNORECASE)
_PUNCTUATION = regex(r"""[,;"'“”\u2018\u2019()\[\]<>*]|[.:/](?=\s|$|\])""")
_FOOTNOTE = regex(r"\[\d{1,3}\]")
_ZEROS = regex(r"(?:(?<![\w.])|(?<=\bRFC))0+(?=\d)(?!0?x)")
_PLACEHOLDER = regex(r"RFCX{2,4}")  # in a draft, until the RFC has its number
_RFC_NUMBER = regex(r"RFC\d{4,5}")
_HYPHEN = regex(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_AND = regex(r"\band\b", re.IGNORECASE)
_CONTEXT = 3  # words shown around a difference
_MOST_WORDS = 1200  # a longer text is compared by its lines


@cache_short(4096)
def fold_notation(text: str, *, keep_zeros: bool = False, keep_case: bool = False) -> str:
    """Return a text without mere notation: URL scheme, punctuation, footnote numbers, leading zeros, accents, "and".

    `keep_case` also keeps hyphens and accents: in a name that software uses they count.
    """
    text = _URL.sub(lambda match: f"//{match[1].lower()}", text)
    text = _FOOTNOTE.sub("", text)
    if not keep_zeros:
        text = _ZEROS.sub("", text)
    if not keep_case:
        text = _HYPHEN.sub(" ", _without_accents(text).casefold())
    return " ".join(_AND.sub(" ", _PUNCTUATION.sub(" ", text)).split())


def _without_accents(text: str) -> str:
    return (
        text
        if text.isascii()
        else "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    )


def differ_in_notation(before: str, after: str, *, keep_zeros: bool = False, keep_case: bool = False) -> bool:
    """Return whether two texts differ, and in nothing but notation."""
    if not before or not after or before == after:
        return False
    if _PLACEHOLDER.search(before):
        before, after = (_RFC_NUMBER.sub("RFC0", _PLACEHOLDER.sub("RFC0", text)) for text in (before, after))
    old, new = (fold_notation(text, keep_zeros=keep_zeros, keep_case=keep_case) for text in (before, after))
    return old == new


@cache_short(2048)
def changed_words(before: str, after: str) -> tuple[Hunk, ...]:
    """Return what differs between two texts, word by word."""
    old, new = before.split(), after.split()
    if len(old) + len(new) > _MOST_WORDS:
        old, new = before.split("\n"), after.split("\n")
    hunks: list[list[int]] = []
    for tag, old_start, old_end, new_start, new_end in compare_sequences(old, new):
        if tag == "equal":
            continue
        # Differences with at most one word between them become one.
        if hunks and old_start - hunks[-1][1] <= 1:
            hunks[-1][1], hunks[-1][3] = old_end, new_end
        else:
            hunks.append([old_start, old_end, new_start, new_end])
    return tuple(
        Hunk(
            " ".join(new[max(0, new_start - _CONTEXT) : new_start]),
            " ".join(old[old_start:old_end]),
            " ".join(new[new_start:new_end]),
            " ".join(new[new_end : new_end + _CONTEXT]),
        )
        for old_start, old_end, new_start, new_end in hunks
    )


def share_of_words(text: str, other: str) -> float:
    """Return how many of the words of both texts are in both, between 0 and 1."""
    words, others = {*text.split()}, {*other.split()}
    return len(words & others) / len(words | others) if words or others else 1.0
