"""The early allocations (RFC 7120) of newest releases, and how long each counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from watcher.registries.generic.early_allocations import EarlyAllocation, read_allocation
from watcher.render.ics import CalendarDay
from watcher.store.store import Store

CALENDAR = "IANA early allocations"


class Deadline(Struct, frozen=True, kw_only=True):
    """An early allocation with the days from today to its last day: negative once it expired, None without one."""

    allocation: EarlyAllocation
    days_left: int | None

    @property
    def state(self) -> str:
        """Its state for people: `expired`, `30 days left`, `in IESG evaluation` or `no date`."""
        if self.days_left is None:
            return "in IESG evaluation" if self.allocation.in_evaluation else "no date"
        if self.days_left < 0:
            return "expired"
        return "1 day left" if self.days_left == 1 else f"{self.days_left} days left"


def find_deadlines(store: Store, sources: Sequence[str], today: date, within: int | None = None) -> list[Deadline]:
    """Return the early allocations of `sources`, or of all, the first to expire first. Raises UsageError."""
    for source in sources:
        store.history.read_registry_id(source)
    allocations = [
        allocation
        for standing in store.deadlines.find_candidates(sources or None)
        if (allocation := read_allocation(standing.source, standing.item)) is not None
    ]
    allocations.sort(key=lambda allocation: (allocation.until or "9", allocation.source))
    deadlines = [Deadline(allocation=allocation, days_left=allocation.days_left(today)) for allocation in allocations]
    if within is None:
        return deadlines
    return [deadline for deadline in deadlines if deadline.days_left is not None and deadline.days_left <= within]


def deadline_document(deadline: Deadline) -> dict[str, Any]:
    """Return a deadline as the JSON contract has it; null for a date that the registry does not give."""
    fields = asdict(deadline.allocation)
    dates = {name: fields[name] or None for name in ("since", "extended", "until", "in_evaluation")}
    expired = deadline.days_left is not None and deadline.days_left < 0
    return {**fields, **dates, "days_left": deadline.days_left, "expired": expired}


def calendar_day(deadline: Deadline) -> CalendarDay:
    """Return the last day of an early allocation that has one, for a calendar."""
    allocation = deadline.allocation
    name = " ".join(filter(None, (allocation.value, allocation.name)))
    facts = {
        "source": allocation.source,
        "registry": allocation.registry,  # "" of a source that is one registry, as the ports are
        "registered": allocation.since,
        "extended": allocation.extended,
        "references": allocation.references,
    }
    lines = [f"{name}: {fact}" for name, fact in facts.items() if fact]
    return CalendarDay(
        identity=(allocation.source, allocation.registry, allocation.value, allocation.since),
        day=date.fromisoformat(allocation.until),
        summary=f"{name} ({allocation.source}): temporary registration expires",
        description="\n".join(lines),
        category="early allocation",
    )
