"""defaults."""

from __future__ import annotations

from datetime import timedelta

# Between two looks at a source of a type, unless the configuration says else.
EVERY = {"registry": timedelta(hours=6), "collection": timedelta(hours=24), "canary": timedelta(days=1)}


def often(every: timedelta) -> timedelta:
    """Return how often the canary is looked at: each of its changes is seen soon."""
    return max(every / 4, timedelta(minutes=1))
