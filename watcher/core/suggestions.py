"""Errors about unknown names: each names the known one that the user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from fnmatch import fnmatchcase

from watcher.core.errors import UsageError

PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
GLOB = frozenset("*?[")  # the characters that make a glob of a name
_MOST_NAMES = 10
_SIMILAR = 0.6


def suggest(name: str, names: Collection[str], *, cutoff: float = _SIMILAR) -> str:
    """Return "; did you mean 'NAME'?" with the most similar of some names, "" if none is similar."""
    by_lower = {other.lower(): other for other in sorted(names)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def describe_unknown(name: str, names: Collection[str]) -> str:
    """Return a name with a suggestion, else with the known names."""
    shown = sorted(names)
    more = f" and {len(shown) - _MOST_NAMES} more" if len(shown) > _MOST_NAMES else ""
    listed = ", ".join(shown[:_MOST_NAMES]) or "none"
    return f"{name!r}{suggest(name, names) or f'; known: {listed}{more}'}"


def require_known(kind: str, pattern: str, names: Collection[str]) -> None:
    """Raise UsageError if no name is the given one, or matches the given glob."""
    if not any(fnmatchcase(name, pattern) for name in names):
        raise UsageError(f"unknown {kind} {describe_unknown(pattern, names)}")
