"""Check intervals that both the whole configuration and the light overview of it need."""

from __future__ import annotations

from datetime import timedelta

# Between two checks of a source, by its type.
DEFAULT_INTERVALS = {
    "registry": timedelta(hours=6),
    "collection": timedelta(hours=24),
    "canary": timedelta(days=1),
}


def canary_check_interval(every: timedelta) -> timedelta:
    """Return how often a canary that changes `every` so often is checked, so that each change is seen soon."""
    return max(every / 4, timedelta(minutes=1))
