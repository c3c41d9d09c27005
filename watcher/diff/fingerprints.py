"""What names a change for good: a digest of the items before and after it, not of what we call it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from watcher.core.model import Change

_WRITTEN = json.JSONEncoder(ensure_ascii=False)


def fingerprint(changes: Iterable[Change]) -> str:
    """Return 32 hex digits that depend on the items of some changes, in whatever order."""
    sides = sorted(
        _WRITTEN.encode(
            [[side.key.values, side.key.ordinal, sorted(side.fields.items())] if side else None for side in pair]
        )
        for pair in ((change.before, change.after) for change in changes)
    )
    return hashlib.sha256("\n".join(sides).encode("utf-8", "surrogatepass")).hexdigest()[:32]
