"""The watcher looking at itself: raises an alarm about a source or about the looking once, and calls it off once.

What is decided is in `health`; here it is asked of the record of checks, and told through the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from watcher.alerts.routing import AlertRouter
from watcher.config.settings import AnySource, CollectionSettings, HealthSettings, Settings
from watcher.core.operations import WATCHER, CheckStreak, Notice, OpenAlarm
from watcher.core.times import from_text, to_text
from watcher.monitor import health
from watcher.monitor.collection import Collection
from watcher.monitor.health import Limits, SourceHealth
from watcher.monitor.schedule import LONGEST
from watcher.store.store import Store

_BACKWARDS = timedelta(minutes=1)  # by which the clock may be behind the newest check


class Alarms:
    """The open alarms. Without `alerts` it only reads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        alerts: AlertRouter | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._alerts = alerts
        self._checks = store.checks
        self._troubles = store.alarms

    def checked(self, source: AnySource, now: datetime) -> None:
        """Tell what the last check of a source gives reason to tell."""
        self._tell(self._of_sources([source], now))

    def swept(self, collection: CollectionSettings, groups: Iterable[AnySource], now: datetime) -> None:
        """Tell what the last checks of some groups of a collection give reason to tell, all in one."""
        found = list(self._of_sources(groups, now))
        self._tell(found, told=health.together(collection.name, found))

    def _of_sources(self, sources: Iterable[AnySource], now: datetime) -> Iterator[Notice]:
        limits = {source.name: self._limits(source) for source in sources}
        standing: dict[str, set[str]] = {}
        for trouble in self._troubles.list_alarms():
            standing.setdefault(trouble.source, set()).add(trouble.notice)
        for name, run in self._checks.read_streaks(limits).items():
            notice = health.of_source(run, limits[name], standing.get(name, ()), to_text(now))
            if notice is not None:
                yield notice

    def look(self, now: datetime, started: datetime) -> None:
        """Tell whether everything is looked at in time."""
        standing = self._troubles.list_alarms_of(WATCHER)
        notice = health.of_watcher(self.sights(), standing[0] if standing else None, now, started)
        self._tell([notice] if notice else [])

    def start(self, now: datetime) -> None:
        """Tell of a clock that is behind what it showed at the last check, and of a time in which nobody looked."""
        newest = self._checks.find_newest_time()
        if newest is not None and now < from_text(newest) - _BACKWARDS:
            self.clock_jumped((now - from_text(newest)).total_seconds(), now)
        self.look(now, now)

    def clock_jumped(self, seconds: float, now: datetime) -> None:
        """Tell that the clock was set."""
        self._tell([health.clock_jumped(seconds, to_text(now))])

    def sights(self) -> list[SourceHealth]:
        """Return how everything that is looked at on a schedule stands."""
        runs = self._checks.read_streaks(source.name for source in self._settings.watched)
        return [
            self._sight_of(source)
            if isinstance(source, CollectionSettings)
            else SourceHealth(
                source=source.name,
                run=runs[source.name],
                every=source.every,
                failing=(source.name,) if health.ailing(runs[source.name], self._limits(source)) else (),
            )
            for source in self._settings.watched
        ]

    def _sight_of(self, settings: CollectionSettings) -> SourceHealth:
        folder = self._settings.folder_of(settings)
        collection = Collection(settings, self._store.history, self._checks, folder=folder)
        names = [group.settings.name for group in collection.groups()]
        runs = self._checks.read_streaks([settings.name, *names])
        limits = self._limits(settings)
        newest = CheckStreak(
            source=settings.name,
            last=max((run.last for run in runs.values() if run.last), default=None),
            success=max((run.success for run in runs.values() if run.success), default=None),
        )
        # Without an index nothing is looked at while all groups rest.
        every = settings.every * (LONGEST if settings.groups is not None else 1)
        failing = tuple(name for name in names if health.ailing(runs[name], limits))
        return SourceHealth(source=settings.name, run=newest, every=every, failing=failing, groups=len(names))

    def _limits(self, source: AnySource) -> Limits:
        found: HealthSettings = source.health or self._settings.health
        return Limits(failures=found.failures, failing_for=found.failing_for)

    def _tell(self, found: Iterable[Notice], told: Iterable[Notice] | None = None) -> None:
        """Write what is to be told, as `told` where that says it in fewer words, and what stands from now on.

        What a silence keeps does not stand: if there is still a reason when it ends, it is told then.
        """
        found = list(found)
        told = found if told is None else list(told)
        if not found or self._alerts is None:
            return
        kept = {notice.id for notice in told if self._alerts.is_silenced(notice)}
        with self._store.transaction():
            for notice in told:
                self._store.outbox.add_deliveries(self._alerts.for_notice(notice), now=notice.at)
            for notice in found:
                if notice.id in _ALARMS and notice.id not in kept:
                    self._troubles.add_alarm(OpenAlarm(source=notice.source, notice=notice.id, since=notice.at))
                elif notice.id in _ALL_CLEAR:
                    self._troubles.clear_alarms(notice.source)


_ALARMS = (health.UNHEALTHY, health.GONE, health.NOTHING_CHECKED)
_ALL_CLEAR = (health.RECOVERED, health.CHECKED_AGAIN)
