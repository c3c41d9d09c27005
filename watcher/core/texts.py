"""Texts of any length, kept within limits: what is cached, and what is stored, logged, shown or sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

LONGEST_ERROR = 2_000  # characters
_SHORT, _LONGEST_CACHED = 1_000, 100_000  # characters of all texts of one call together
_FEW = 8
Result = TypeVar("Result")


def cut_text(text: str, longest: int) -> str:
    """Return a text of at most so many characters, which says how many more there were."""
    if len(text) <= longest:
        return text
    kept = max(0, longest - len(f"… and {len(text):,} more characters"))
    return f"{text[:kept]}… and {len(text) - kept:,} more characters"


def cache_short(size: int) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Cache a function of texts as `lru_cache` does, but few calls with long texts: 4,096 of a megabyte are 4 GB."""

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        many, few = lru_cache(maxsize=size)(function), lru_cache(maxsize=_FEW)(function)

        @wraps(function)
        def call(*texts: str, **options: Any) -> Result:
            length = sum(map(len, texts))
            if length <= _SHORT:
                return many(*texts, **options)
            return (few if length <= _LONGEST_CACHED else function)(*texts, **options)

        return call

    return decorate
