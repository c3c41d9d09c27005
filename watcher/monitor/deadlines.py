"""Alert subscribers before and after early allocations (RFC 7120) expire.

The calendar makes these events, no release does. `decide` says which marks an allocation has passed since its source
was last compared with the calendar; the store keeps every passed mark, so that each is sent once, whatever process
sends it. docs/semantics.md ("Deadlines") has the rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

from msgspec import Struct

from watcher.config.settings import Settings
from watcher.core.background import find_background
from watcher.core.model import CANARY, ChangeSet, Comparison, Event, Item, Key, Kind, Section, Severity
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.monitor.monitor import Monitor
from watcher.registries.base import PATH
from watcher.registries.generic.early_allocations import EarlyAllocation, mark_day, read_allocation
from watcher.registries.generic.lifecycle import EXPIRED, EXPIRING
from watcher.registries.shared.sentences import enumerate_names, shorten
from watcher.store.deadlines import DeadlineMark, StandingItem
from watcher.store.store import Store

MARKS = (90, 30, 7, 0)  # days before the last day; 0: it has passed


class PassedMark(Struct, frozen=True, kw_only=True):
    """A mark that an early allocation has passed and that is not recorded yet; `alert` if subscribers are alerted."""

    allocation: EarlyAllocation
    item: Item
    mark: DeadlineMark
    alert: bool


def check_deadlines(monitor: Monitor) -> list[Delivery]:
    """Compare each source with the calendar, once a UTC day; put what is due into the outbox and return it."""
    store, now = monitor.store, monitor.clock.now()
    runs = store.deadlines.read_runs()
    today = now.date()
    due = [name for name in _watched(monitor.settings, store) if runs.get(name, "")[:10] != today.isoformat()]
    if not due:
        return []
    at = to_text(now)
    passed = list(decide(store.deadlines.find_candidates(due), store.deadlines.list_marks(), runs, at))
    # Rendering takes long: it is done before the write lock is taken.
    deliveries = [
        delivery
        for comparison in _comparisons(store, monitor.settings.severity, passed, at)
        for delivery in monitor.alerts.for_release(comparison)
    ]
    with store.transaction():
        if store.deadlines.read_runs() != runs:
            return []  # another process did the same meanwhile
        store.deadlines.record_marks({passed_mark.mark: passed_mark.alert for passed_mark in passed}, at)
        store.deadlines.record_runs(due, at)
        store.outbox.add_deliveries(deliveries, now=at)
    return deliveries


def decide(
    items: Iterable[StandingItem], recorded: Collection[DeadlineMark], runs: Mapping[str, str], at: str
) -> Iterator[PassedMark]:
    """Yield the marks that early allocations have passed at a UTC time and that are not recorded.

    Of several marks only the last alerts, and only if it is news: it was passed after the source was last compared
    with the calendar (`runs`), or a check has seen the entry since for the first time.
    """
    today = date.fromisoformat(at[:10])
    for standing in items:
        allocation = read_allocation(standing.source, standing.item)
        if allocation is None or not allocation.until:
            continue
        passed = [mark for mark in MARKS if mark_day(allocation.until, mark) <= today]
        last_run = runs.get(standing.source, "")
        # A last run in the future comes from a clock that was ahead. It recorded the marks of all entries of that
        # day, so every mark that is not recorded is new.
        is_new = standing.live and ((standing.observed or "") >= last_run or last_run > at)
        for mark in passed:
            key = DeadlineMark(
                source=standing.source,
                registry=allocation.registry,
                value=allocation.value,
                until=allocation.until,
                mark=mark,
            )
            if key not in recorded:
                is_news = mark_day(allocation.until, mark).isoformat() > last_run[:10] or is_new
                yield PassedMark(
                    allocation=allocation,
                    item=standing.item,
                    mark=key,
                    alert=bool(last_run) and mark == passed[-1] and is_news,
                )


def _watched(settings: Settings, store: Store) -> list[str]:
    """Return the sources with a history that are configured and enabled, groups of collections among them."""
    names = {source.name for source in settings.watched if source.name != CANARY}
    groups = tuple(f"{source.name}." for source in settings.collections if source.enabled)
    return [name for name in store.history.list_sources() if name in names or name.startswith(groups)]


def _comparisons(
    store: Store, severities: Mapping[str, Severity], passed: Iterable[PassedMark], at: str
) -> Iterator[Comparison]:
    """Yield what is to be sent, by source: allocations with the same dates and references are one event."""
    groups: dict[str, dict[tuple[str, ...], list[PassedMark]]] = {}
    for mark in passed:
        if mark.alert:
            allocation = mark.allocation
            dates = (allocation.since, allocation.extended, allocation.until)
            group = (allocation.registry, *dates, allocation.references, str(mark.mark.mark))
            groups.setdefault(allocation.source, {}).setdefault(group, []).append(mark)
    for source, marks_by_group in groups.items():
        latest = store.history.find_latest(source)
        if latest is not None:
            items = store.history.read_content(source, latest).items
            events = []
            listed: dict[str, tuple[Item, ...]] = {}
            for marks in marks_by_group.values():
                header = items.get((Section.REGISTRY, Key((PATH,), (marks[0].mark.registry,))))
                title = header.fields.get("title", "") if header is not None else ""
                event = _event(marks, title or marks[0].mark.registry, severities, date.fromisoformat(at[:10]))
                events.append(event)
                listed[event.fingerprint] = tuple(mark.item for mark in marks)
            events.sort(key=lambda event: -event.severity.rank)
            release = latest.release
            yield Comparison(
                source=source,
                old=release,
                new=release,
                changes=ChangeSet(),
                events=tuple(events),
                timed=at,
                background=find_background(ChangeSet(), items, items, listed),
            )


def _event(marks: Sequence[PassedMark], title: str, severities: Mapping[str, Severity], today: date) -> Event:
    allocations = [mark.allocation for mark in marks]
    first = allocations[0]
    identifier = EXPIRING if marks[0].mark.mark else EXPIRED
    names = enumerate_names([shorten(f"{allocation.value} {allocation.name}".strip()) for allocation in allocations])
    facts = {
        "temporary_since": first.since,
        "extended": first.extended,
        "temporary_until": first.until,
    }
    identities = ((item.source, item.registry, item.value, item.until) for item in allocations)
    parts = [str(marks[0].mark.mark), *map("\n".join, identities)]
    return Event(
        id=identifier,
        kind=Kind.MODIFIED,
        severity=severities.get(identifier, Severity.NOTICE),
        summary=f"{shorten(title)}: {names}: {describe_deadline(first, today)}",
        fingerprint=hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32],
        changes=(),
        service=first.name,
        registry=first.registry,
        values=tuple(dict.fromkeys(allocation.value for allocation in allocations)),
        facts={"temporary": "yes", **{name: text for name, text in facts.items() if text}},
    )


def describe_deadline(allocation: EarlyAllocation, today: date) -> str:
    """Return "temporary registration of 2022-03-23 expires 2023-03-23, in 30 days", or that it has expired."""
    since = f" of {allocation.since}" if allocation.since else ""
    days = allocation.days_left(today)
    if days is None:
        return f"temporary registration{since} has no date of expiry"
    if days < 0:
        return f"temporary registration{since} expired {allocation.until} and is still listed"
    when = "today" if days == 0 else f"in {days} {'day' if days == 1 else 'days'}"
    return f"temporary registration{since} expires {allocation.until}, {when}"
