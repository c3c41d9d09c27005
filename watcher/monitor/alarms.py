"""Raise one alarm per failing source, or when no check runs at all, and clear it once.

`health` decides; this module reads the record of checks, keeps the open alarms and puts the notices into the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.alerts.notices import (
    INVENTORY_PREFIX,
    READABLE,
    UNREADABLE,
    describe_readable_inventory,
    describe_unreadable_inventory,
)
from watcher.alerts.routing import AlertRouter
from watcher.config.settings import AnySource, CollectionSettings, HealthSettings, Settings
from watcher.core.check_results import CheckStreak, OpenAlarm
from watcher.core.operations import HEARTBEAT_ALARM, WATCHER, Notice
from watcher.core.times import from_text, to_text
from watcher.monitor import health
from watcher.monitor.collection import Collection
from watcher.monitor.health import Limits, SourceHealth
from watcher.monitor.schedule import LONGEST
from watcher.store.store import Store

_CLOCK_TOLERANCE = timedelta(minutes=1)  # by which the clock may be behind the newest check

_RAISING = (health.UNHEALTHY, health.GONE, health.NOTHING_CHECKED, UNREADABLE)
_CLEARING = (health.RECOVERED, health.CHECKED_AGAIN, READABLE)


class Alarms:
    """The open alarms of all sources, for one thread. Without `alerts` only `sources_health` can be used."""

    def __init__(self, settings: Settings, store: Store, alerts: AlertRouter | None = None) -> None:
        self._settings = settings
        self._store = store
        self._alerts = alerts

    def after_check(self, source: AnySource, now: datetime) -> None:
        """Raise or clear the alarm of a source after a check."""
        self._apply(self._source_notices([source], now))

    def after_sweep(self, collection: CollectionSettings, groups: Iterable[AnySource], now: datetime) -> None:
        """Raise or clear the alarms of groups that were checked, with one notice for those of one kind."""
        notices = self._source_notices(groups, now)
        self._apply(notices, sent=list(health.merge_notices(collection.name, notices)))

    def check_schedule(self, now: datetime, started: datetime) -> None:
        """Raise an alarm if sources are overdue, or clear it."""
        open_alarms = self._store.alarms.list_alarms_of(WATCHER)
        notice = health.find_watcher_notice(
            self.sources_health(), open_alarms[0] if open_alarms else None, now, started
        )
        self._apply([notice] if notice else [])

    def check_inventories(self, problems: Mapping[str, str], now: datetime) -> list[Notice]:
        """Raise an alarm for each inventory that cannot be read any more, and clear those of others.

        Return the new notices.
        """
        raised = {alarm.source: alarm for alarm in self._store.alarms.list_alarms() if alarm.notice == UNREADABLE}
        current = {f"{INVENTORY_PREFIX}{name}": problem for name, problem in problems.items()}
        at = to_text(now)
        new = [(name, problem) for name, problem in current.items() if name not in raised]
        ended = [(name, alarm) for name, alarm in raised.items() if name not in current]
        notices = [describe_unreadable_inventory(name, problem, at) for name, problem in new]
        notices += [describe_readable_inventory(name, alarm, at) for name, alarm in ended]
        self._apply(notices)
        return notices

    def record_heartbeat(self, *, is_counted: bool, now: datetime) -> None:
        """Record since when the monitoring service answers heartbeats without counting them, for `watcher doctor`."""
        alarms = self._store.alarms
        if is_counted == bool(alarms.list_alarms_of(HEARTBEAT_ALARM)):
            with self._store.transaction():
                if is_counted:
                    alarms.clear_alarms(HEARTBEAT_ALARM)
                else:
                    alarms.add_alarm(OpenAlarm(source=HEARTBEAT_ALARM, notice="not-counted", since=to_text(now)))

    def after_start(self, now: datetime) -> None:
        """Report a clock that is behind the newest check, and sources that are overdue after a downtime."""
        newest = self._store.checks.find_newest_time()
        if newest is not None and now < from_text(newest) - _CLOCK_TOLERANCE:
            self._apply([health.describe_clock_jump((now - from_text(newest)).total_seconds(), to_text(now))])
        self.check_schedule(now, now)

    def sources_health(self) -> list[SourceHealth]:
        """Return the health of every enabled source; a collection counts as one."""
        streaks = self._store.checks.read_streaks(source.name for source in self._settings.watched)
        return [
            self._collection_health(source)
            if isinstance(source, CollectionSettings)
            else SourceHealth(
                source=source.name,
                streak=streaks[source.name],
                every=source.every,
                failing=(source.name,) if health.find_alarm(streaks[source.name], self._limits(source)) else (),
                unread=() if streaks[source.name].success else (source.name,),
            )
            for source in self._settings.watched
        ]

    def _collection_health(self, settings: CollectionSettings) -> SourceHealth:
        collection = Collection(settings, self._store, folder=self._settings.folder_of(settings))
        names = [group.settings.name for group in collection.groups()]
        streaks = self._store.checks.read_streaks([settings.name, *names])
        limits = self._limits(settings)
        newest = CheckStreak(
            source=settings.name,
            last=max((streak.last for streak in streaks.values() if streak.last), default=None),
            success=max((streak.success for streak in streaks.values() if streak.success), default=None),
        )
        # Without an index no check is due while no group changes for a long time.
        every = settings.every * (LONGEST if settings.groups is not None else 1)
        failing = tuple(name for name in names if health.find_alarm(streaks[name], limits))
        unread = tuple(name for name in names if streaks[name].success is None)
        return SourceHealth(
            source=settings.name, streak=newest, every=every, failing=failing, unread=unread, groups=len(names)
        )

    def _source_notices(self, sources: Iterable[AnySource], now: datetime) -> list[Notice]:
        limits = {source.name: self._limits(source) for source in sources}
        open_alarms: dict[str, set[str]] = {}
        for alarm in self._store.alarms.list_alarms():
            open_alarms.setdefault(alarm.source, set()).add(alarm.notice)
        notices = [
            health.find_source_notice(streak, limits[name], open_alarms.get(name, ()), to_text(now))
            for name, streak in self._store.checks.read_streaks(limits).items()
        ]
        return [notice for notice in notices if notice is not None]

    def _limits(self, source: AnySource) -> Limits:
        settings: HealthSettings = source.health or self._settings.health
        return Limits(failures=settings.failures, failing_for=settings.failing_for)

    def _apply(self, notices: Sequence[Notice], sent: Sequence[Notice] | None = None) -> None:
        """Put notices into the outbox, as `sent` if they were merged, and raise or clear their alarms.

        A silenced notice raises no alarm: if the source still fails when the silence ends, it is sent then.
        """
        if not notices or self._alerts is None:
            return
        sent = notices if sent is None else sent
        silenced = {notice.id for notice in sent if self._alerts.is_silenced(notice)}
        deliveries = [(notice, self._alerts.for_notice(notice)) for notice in sent]
        with self._store.transaction():
            for notice, rendered in deliveries:
                self._store.outbox.add_deliveries(rendered, now=notice.at)
            for notice in notices:
                if notice.id in _RAISING and notice.id not in silenced:
                    self._store.alarms.add_alarm(OpenAlarm(source=notice.source, notice=notice.id, since=notice.at))
                elif notice.id in _CLEARING:
                    self._store.alarms.clear_alarms(notice.source)
