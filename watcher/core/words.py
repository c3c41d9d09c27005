"""The words of a text, as a search compares them."""

from __future__ import annotations

import unicodedata

from watcher.core.patterns import regex

_WORD = regex(r"[^\W_]+")


def split_words(text: str) -> list[str]:
    """Return the words of a text as `history --search` compares them: in lower case, without accents."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFD", text)
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _WORD.findall(text.casefold())
