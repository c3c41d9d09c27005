"""The test whether an entry is assigned, for the rules of all registries."""

from __future__ import annotations

from watcher.core.model import RETIRED, Item, Section, Status

ABSENT = "absent"  # in place of a status: no row covers the value


def is_assigned(item: Item | None) -> bool:
    """Return whether an entry gives its value to somebody, retired ones included; other rows keep it free."""
    return (
        item is not None
        and item.section is Section.ENTRY
        and (item.status is Status.ASSIGNED or item.status in RETIRED)
    )
