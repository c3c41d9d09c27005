"""Early allocations (RFC 7120) as values: of which entry, and until when."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec import Struct

from watcher.core.model import Item
from watcher.registries.generic import entry_parts
from watcher.registries.generic.lifecycle import is_early_allocation
from watcher.registries.shared.remarks import read_facts, strip_temporary


class EarlyAllocation(Struct, frozen=True, kw_only=True):
    """An early allocation in the newest release of a source. Dates are `YYYY-MM-DD`, "" where the registry gives none.

    `registry` is the path of its registry, `value` its value with an ordinal for duplicates, both without remarks.
    `until` is the last day on which it counts; "" while its document is with the IESG (`in_evaluation`).
    """

    source: str
    registry: str
    value: str
    name: str
    since: str
    extended: str
    until: str
    in_evaluation: str
    references: str

    def days_left(self, today: date) -> int | None:
        """Return the days from today to its last day, negative once it has expired; None if it has no last day."""
        return (date.fromisoformat(self.until) - today).days if self.until else None


def read_allocation(source: str, item: Item) -> EarlyAllocation | None:
    """Return an entry as an early allocation, None if it is not one."""
    if not is_early_allocation(item):
        return None
    facts = read_facts(item.fields)
    value = strip_temporary(" ".join(filter(None, entry_parts.read_values(item))))
    return EarlyAllocation(
        source=source,
        registry=entry_parts.read_path(item),
        value=value if item.key.ordinal == 1 else f"{value} ({item.key.ordinal})",
        name=entry_parts.find_title(item),
        since=facts.temporary_since,
        extended=facts.extended,
        until=facts.temporary_until,
        in_evaluation=facts.in_evaluation,
        references=item.fields.get("references", ""),
    )


def mark_day(until: str, mark: int) -> date:
    """Return the day from which a mark counts: `mark` days before the last day; for 0, the day after it."""
    return date.fromisoformat(until) - timedelta(days=mark or -1)
