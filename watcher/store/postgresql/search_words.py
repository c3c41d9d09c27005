"""The words of texts and of full-text queries, as SQLite's tokenizer `unicode61` sees them, in PostgreSQL's notation.

PostgreSQL's own parser takes host names, numbers and hyphenated words apart in another way, and by the server's locale.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from watcher.core.patterns import regex

_WORD = regex(r"(?:[^\W_]|[\ue000-\uf8ff])+")  # letters and numbers of all scripts, and characters for private use
_QUOTED = regex(r'"(?P<phrase>(?:[^"]|"")*)"(?P<prefix>\*?)|(?P<or>\bOR\b)|(?P<word>\w+)')
# Of a word in a tsvector (https://www.postgresql.org/docs/current/textsearch-limitations.html).
_LAST_POSITION = 16383
_LONGEST_WORD = 500  # characters: a word of a tsvector has at most 2046 bytes
_LONGEST_TEXT = 200_000  # characters: the words of a tsvector have at most 1 MiB


# The combining marks that the tokenizer leaves out of a word; it ends a word at others.
_MARKS = frozenset(
    {*range(0x300, 0x305), *range(0x306, 0x30D), 0x30F, 0x311, 0x31B, *range(0x323, 0x329), 0x32D, 0x32E, 0x330, 0x331}
)


class _Folded(dict[int, str | None]):
    """What a character is folded to: one without case or diacritic; None for a mark that is left out.

    The same as SQLite's but for characters that are newer than its tables (Unicode 6.1).
    """

    def __missing__(self, code: int) -> str | None:
        folded: str | None = chr(code).casefold()
        if len(folded or "") > 1:
            folded = chr(code).lower()[:1]
        parts = unicodedata.normalize("NFD", folded or "")
        if code in _MARKS:
            folded = None
        elif len(parts) == 2 and parts[0].isascii() and unicodedata.combining(parts[1]):
            folded = parts[0]
        self[code] = folded
        return folded


_FOLDED = _Folded()


def split_words(text: str) -> list[str]:
    """Return the words of a text in order, folded."""
    text = text.lower() if text.isascii() else text.translate(_FOLDED)
    return _WORD.findall(text)


def encode_text(text: str) -> str:
    """Return the words of a text as a `tsvector` is written. What does not fit into one is left out."""
    words = split_words(text[:_LONGEST_TEXT])
    return " ".join(f"{word[:_LONGEST_WORD]}:{min(place, _LAST_POSITION)}" for place, word in enumerate(words, 1))


def encode_query(query: str) -> str:
    """Return a query in FTS5's language (quoted words, `OR`, a `*` at the end) as a `tsquery` is written."""
    operator = " | " if any(match["or"] for match in _QUOTED.finditer(query)) else " & "
    return operator.join(_encode_phrases(query))


def _encode_phrases(query: str) -> Iterator[str]:
    for match in _QUOTED.finditer(query):
        words = split_words((match["phrase"] or match["word"] or "").replace('""', '"'))
        if words and not match["or"]:
            yield " <-> ".join(word[:_LONGEST_WORD] for word in words) + (":*" if match["prefix"] else "")
