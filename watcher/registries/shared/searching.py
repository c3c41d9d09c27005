"""Find a pattern in a text, again and again."""

from __future__ import annotations

import re
from collections.abc import Iterator


def matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield what `finditer` does. That of Python 3.11 leaks with each text where anything is found."""
    at = 0
    while (found := pattern.search(text, at)) is not None:
        yield found
        at = found.end()
