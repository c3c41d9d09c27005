"""The state of sources, collections and channels, and the health of the watcher as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from watcher.config.overview import ConfigOverview, SourceOverview
from watcher.core.event_filter import IgnoreRule
from watcher.core.lazy import load
from watcher.core.model import RULES_VERSION
from watcher.core.operations import ChannelFailure, HoldState
from watcher.core.tables import describe_key
from watcher.core.times import from_text, to_text
from watcher.core.work import WorkerState, WorkLoad
from watcher.store.source_records import SourceRecord
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.config.settings import CollectionSettings, Settings
    from watcher.monitor import alarms, health
    from watcher.monitor import collection as collection_module
    from watcher.monitor.collection import Collection
    from watcher.monitor.health import HealthVerdict
else:
    alarms, collection_module, health = load("alarms"), load("collection"), load("health")

NEVER_CHECKED = "never checked"  # in place of an outcome


class SourceStatus(Struct, frozen=True, kw_only=True):
    """The state of one source; the fields are those of the JSON contract. Times are UTC."""

    source: str
    releases: int
    latest: str | None  # published date of the newest release
    latest_observed: str | None  # when that release was first seen
    entries: int | None
    last_check: str | None
    outcome: str
    reason: str | None  # of the last check, as `message`
    message: str | None
    last_success: str | None
    next_check: str | None
    failures: int
    held: int
    skipped: int  # checks that did not run because the previous one was still running
    pending_settings: tuple[str, ...]  # changed settings that the next check applies: it derives the history again
    derived_again: str | None  # when the history was last derived again for changed settings
    key: str  # the columns that identify an entry and how they were chosen; "" for a group of several registries


class CollectionSummary(Struct, frozen=True, kw_only=True):
    """The state of a collection's groups; the fields are those of the JSON contract."""

    source: str
    groups: int
    failing: tuple[str, ...]
    never_checked: int
    left_out: tuple[str, ...]  # names of its index that are not valid group ids
    last_full_sweep: str | None  # the UTC time since which every group was checked; None if one never was


class StatusReport(Struct, frozen=True, kw_only=True):
    """The answer of `watcher status`. `pending` are rows of the outbox, `channels` those that fail now."""

    sources: tuple[SourceStatus, ...]
    collections: tuple[CollectionSummary, ...]
    pending: tuple[Mapping[str, Any], ...]
    channels: tuple[ChannelFailure, ...]
    judged_by_older_rules: tuple[str, ...]
    acknowledged: int  # events
    ignoring: tuple[IgnoreRule, ...]  # the rules that apply now
    workers: tuple[WorkerState, ...] = ()
    load: WorkLoad | None = None  # of the workers; None if the history never had any


def report_status(
    overview: ConfigOverview, store: Store, now: datetime, *, settings: Settings | None = None, all_groups: bool = False
) -> StatusReport:
    """Return the state of all sources and failing groups, or `all_groups`; collections need `settings`."""
    work = store.find_work()
    collections = {collection.name: collection for collection in settings.collections} if settings else {}
    sources: list[SourceStatus] = []
    summaries: list[CollectionSummary] = []
    records = store.history.read_records([source.name for source in overview.sources])
    for watched, record in zip(overview.sources, records, strict=True):
        if settings is None or watched.name not in collections:
            due = from_text(record.checked) + watched.every if record.checked else now
            sources.append(_source_status(watched, record, due, now))
            continue
        configured = collections[watched.name]
        collection = collection_module.Collection(configured, store, folder=settings.folder_of(configured))
        sources.append(_collection_status(collection, configured, record, now))
        sources += _group_statuses(collection, store, now, all_groups=all_groups)
        summaries.append(_summarize(collection))
    return StatusReport(
        sources=tuple(sources),
        collections=tuple(summaries),
        pending=tuple(store.outbox.list_pending()),
        channels=tuple(
            failure for failure in store.channel_failures.list_failures() if failure.channel in overview.channels
        ),
        judged_by_older_rules=tuple(store.history.list_judged_before(RULES_VERSION)),
        acknowledged=store.acknowledgements.count(),
        ignoring=tuple(rule for rule in overview.ignored if not rule.until or to_text(now) < rule.until),
        workers=tuple(work.list_workers()) if work else (),
        load=work.read_load() if work else None,
    )


def _source_status(source: SourceOverview, record: SourceRecord, due: datetime, now: datetime) -> SourceStatus:
    return SourceStatus(
        source=source.name,
        releases=record.releases,
        latest=record.published,
        latest_observed=record.observed,
        entries=record.entries,
        last_check=record.checked,
        outcome=record.outcome or NEVER_CHECKED,
        reason=record.reason,
        message=record.message,
        last_success=record.last_success,
        next_check=to_text(max(due, now)) if source.enabled else None,
        failures=record.failures,
        held=record.held,
        skipped=record.skipped,
        pending_settings=source.read_settings.changes_from_text(record.read_settings) if source.read_settings else (),
        derived_again=record.derived_again,
        key=describe_key(record.key),
    )


def _collection_status(
    collection: Collection, settings: CollectionSettings, record: SourceRecord, now: datetime
) -> SourceStatus:
    index = SourceOverview(name=settings.name, every=settings.every, enabled=settings.enabled, collection=True)
    status = _source_status(index, record, collection.next_due(now), now)
    if settings.groups is None:
        return status
    # The groups are listed in the configuration: there is no index to check.
    groups = collection.groups()
    newest = max((group.state.at for group in groups if group.state.at), default=None)
    outcome = "a list" if newest else NEVER_CHECKED
    return replace(status, entries=len(groups), last_check=newest, outcome=outcome)


def _group_statuses(collection: Collection, store: Store, now: datetime, *, all_groups: bool) -> Iterator[SourceStatus]:
    state = collection.state()
    groups = state.groups if all_groups else state.failing
    records = store.history.read_records([group.settings.name for group in groups])
    for group, record in zip(groups, records, strict=True):
        watched = SourceOverview(
            name=group.settings.name,
            every=group.settings.every,
            enabled=group.settings.enabled,
            read_settings=group.settings.read_settings,
        )
        yield _source_status(watched, record, collection.group_due(group, now), now)


def _summarize(collection: Collection) -> CollectionSummary:
    state = collection.state()
    return CollectionSummary(
        source=collection.name,
        groups=len(state.groups),
        failing=tuple(group.settings.name for group in state.failing),
        never_checked=sum(group.state.at is None for group in state.groups),
        left_out=state.refused,
        last_full_sweep=state.swept,
    )


def report_health(settings: Settings, store: Store, now: datetime) -> tuple[HealthVerdict, int, int]:
    """Return how healthy the watcher is, and the numbers of pending deliveries and held releases."""
    verdict = health.assess(alarms.Alarms(settings, store).sources_health(), now)
    held = sum(hold.state is HoldState.HELD for hold in store.holds.list_holds())
    return verdict, len(store.outbox.list_pending()), held
