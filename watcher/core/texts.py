"""Limit the length of texts that are cached, stored, logged, shown or sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, wraps
from typing import Any, TypeVar

LONGEST_ERROR = 2_000  # characters
LONGEST_NAME, LONGEST_NAMES = 1_000, 20_000  # characters of one name of an event, and of a list of names or a text
_SHORT, _LONGEST_CACHED = 1_000, 100_000  # characters of all texts of one call together
_FEW = 8
Result = TypeVar("Result")


def cut_text(text: str, longest: int) -> str:
    """Return a text of at most so many characters, which says how many more there were."""
    if len(text) <= longest:
        return text
    kept = max(0, longest - len(f"… and {len(text):,} more characters"))
    return f"{text[:kept]}… and {len(text) - kept:,} more characters"


def truncate_text(text: str, longest: int) -> str:
    """Return a text of at most so many characters, which ends in … if it was longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def cut_names(names: str) -> str:
    """Return names that are joined by ", ", each cut to LONGEST_NAME and all together to LONGEST_NAMES."""
    return cut_text(", ".join(cut_text(name, LONGEST_NAME) for name in names.split(", ")), LONGEST_NAMES)


def cut_list(texts: Sequence[str], most: int = 20, longest: int = 500) -> tuple[str, ...]:
    """Return the first texts of a list, cut, and how many more there were."""
    more = (f"and {len(texts) - most:,} more",) if len(texts) > most else ()
    return (*(cut_text(text, longest) for text in texts[:most]), *more)


def cut_details(value: Any, most: int = 20, longest: int = 500) -> Any:
    """Return plain data with its texts and lists cut, at any depth."""
    if isinstance(value, str):
        return cut_text(value, longest)
    if isinstance(value, Mapping):
        return {name: cut_details(inner, most, longest) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        if all(isinstance(inner, str) for inner in value):
            return [*cut_list(value, most, longest)]
        return [cut_details(inner, most, longest) for inner in value[:most]]
    return value


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
